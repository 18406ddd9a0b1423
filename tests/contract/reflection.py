# SPDX-License-Identifier: Apache-2.0
"""Which services a server says it has, by gRPC's reflection."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "grpc.reflection.v1alpha.ServerReflection"


def _messages():
    """The few messages that a list needs; the numbers are the published ones."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection_list.proto",
                                              package="holdfast.test", syntax="proto3")

    def message(name, *fields):
        one = file.message_type.add(name=name)
        for field, number, kind, label, type_name in fields:
            one.field.add(name=field, number=number, type=kind, label=label, type_name=type_name)
    string, nested, single, repeated = 9, 11, 1, 3
    message("Request", ("list_services", 7, string, single, None))
    message("Service", ("name", 1, string, single, None))
    message("List", ("service", 1, nested, repeated, ".holdfast.test.Service"))
    message("Response", ("list_services_response", 6, nested, single, ".holdfast.test.List"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"holdfast.test.{name}"))
            for name in ("Request", "Response")]


def services_of(channel):
    request, response = _messages()
    ask = channel.stream_stream(f"/{SERVICE}/ServerReflectionInfo",
                                request_serializer=request.SerializeToString,
                                response_deserializer=response.FromString)
    answer = next(iter(ask(iter([request(list_services="*")]), timeout=5)))
    return {service.name for service in answer.list_services_response.service}
