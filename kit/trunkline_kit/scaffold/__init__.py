"""A new connector plugin, written from templates: a whole package that installs, and passes the kit, as it is."""

from trunkline_kit.scaffold.plans import FEATURES, Plan, check_name
from trunkline_kit.scaffold.writing import write_plugin

__all__ = ["FEATURES", "Plan", "check_name", "write_plugin"]
