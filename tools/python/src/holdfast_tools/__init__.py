# SPDX-License-Identifier: Apache-2.0
"""Imports, quantizes and verifies image classifiers for a Holdfast server."""
