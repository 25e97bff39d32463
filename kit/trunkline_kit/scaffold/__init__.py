"""The templates of a new connector plugin: a complete package that installs and passes the kit."""

from trunkline_kit.scaffold.plans import FEATURES, Plan, check_name
from trunkline_kit.scaffold.writing import write_plugin

__all__ = ["FEATURES", "Plan", "check_name", "write_plugin"]
