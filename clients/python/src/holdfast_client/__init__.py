# SPDX-License-Identifier: Apache-2.0
"""Asks a Holdfast server to classify images, within a deadline."""

from holdfast_client.answers import Classification, ModelVersion, Prediction
from holdfast_client.client import AsyncClient, Client
from holdfast_client.errors import (ConnectionFailed, DeadlineExceeded, HoldfastError,
                                    ImageRejected, InvalidRequest, NotFound, Overloaded,
                                    RequestCrashedWorker, ServerFault)
from holdfast_client.retry import RetryBudget, RetryPolicy

__all__ = ["AsyncClient", "Classification", "Client", "ConnectionFailed", "DeadlineExceeded",
           "HoldfastError", "ImageRejected", "InvalidRequest", "ModelVersion", "NotFound",
           "Overloaded", "Prediction", "RequestCrashedWorker", "RetryBudget", "RetryPolicy",
           "ServerFault"]
