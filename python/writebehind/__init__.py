"""Write-behind from Redis and Valkey to SQL databases."""

from writebehind.engine import Engine
from writebehind.errors import (
    ConfigError,
    NotBuiltError,
    PipelineHalted,
    RedisUnavailable,
    TargetUnavailable,
    VersionError,
    WritebehindError,
)
from writebehind.gears import GB, GearsBuilder
from writebehind.pipeline import Pipeline
from writebehind.recipes import RGJSONWriteBehind, RGJSONWriteThrough, RGWriteBehind, RGWriteThrough
from writebehind.version import __version__

__all__ = [
    "GB",
    "ConfigError",
    "Engine",
    "GearsBuilder",
    "NotBuiltError",
    "Pipeline",
    "PipelineHalted",
    "RGJSONWriteBehind",
    "RGJSONWriteThrough",
    "RGWriteBehind",
    "RGWriteThrough",
    "RedisUnavailable",
    "TargetUnavailable",
    "VersionError",
    "WritebehindError",
    "__version__",
]
