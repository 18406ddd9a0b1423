# SPDX-License-Identifier: Apache-2.0
"""What a gRPC client asks first."""

from grpc_health.v1 import health_pb2, health_pb2_grpc


def grpc_health(channel, service="", timeout=5):
    """What grpc.health.v1 says of a model, or of the server: a word."""
    answer = health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(service=service), timeout=timeout)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
