"""Two requests of Kafka's protocol that aiokafka 0.14 lacks.

Source of the formats: https://kafka.apache.org/protocol (IncrementalAlterConfigs 44 v0, DescribeLogDirs 35 v1). The
older AlterConfigs, which aiokafka has, would reset every configuration of a topic that it does not name.
"""

from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Int64, Schema, String

TOPIC = 2
"""The resource type of a topic."""

SET = 0
"""The operation that sets a value and leaves the others alone."""


class IncrementalAlterConfigsResponseV0(Response):
    """What became of each resource."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "responses",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
            ),
        ),
    )


class IncrementalAlterConfigsRequestV0(RequestStruct):
    """Set some configurations of some resources."""

    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = IncrementalAlterConfigsResponseV0
    SCHEMA = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", String("utf-8")),
                (
                    "configs",
                    Array(("name", String("utf-8")), ("config_operation", Int8), ("value", String("utf-8"))),
                ),
            ),
        ),
        ("validate_only", Boolean),
    )


class IncrementalAlterConfigsRequest(Request[IncrementalAlterConfigsRequestV0]):
    """Set `configs` (by topic: name to value), leaving what is not named as it is."""

    API_KEY = 44

    def __init__(self, configs: dict[str, dict[str, str]]) -> None:
        self._configs = configs

    def build(self, request_struct_class: type[IncrementalAlterConfigsRequestV0]) -> IncrementalAlterConfigsRequestV0:
        """Return the request in the version that the broker speaks."""
        resources = [
            (TOPIC, topic, [(name, SET, value) for name, value in values.items()])
            for topic, values in self._configs.items()
        ]
        return request_struct_class(resources, False)  # noqa: FBT003 - a positional field of the protocol


class DescribeLogDirsResponseV1(Response):
    """The size of each partition in each log directory of one broker, bytes."""

    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("log_dir", String("utf-8")),
                (
                    "topics",
                    Array(
                        ("name", String("utf-8")),
                        (
                            "partitions",
                            Array(
                                ("partition_index", Int32),
                                ("partition_size", Int64),
                                ("offset_lag", Int64),
                                ("is_future_key", Boolean),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


class DescribeLogDirsRequestV1(RequestStruct):
    """Ask one broker for the sizes of some partitions."""

    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = DescribeLogDirsResponseV1
    SCHEMA = Schema(("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))))


class DescribeLogDirsRequest(Request[DescribeLogDirsRequestV1]):
    """Ask for the sizes of `partitions` (numbers of partitions by topic)."""

    API_KEY = 35

    def __init__(self, partitions: dict[str, list[int]]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[DescribeLogDirsRequestV1]) -> DescribeLogDirsRequestV1:
        """Return the request in the version that the broker speaks."""
        topics: list[Any] = list(self._partitions.items())
        return request_struct_class(topics)
