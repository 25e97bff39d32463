"""Checks an imported module before it is registered: its hooks must fit their specifications."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

from pluggy import PluginManager

from trunkline.contract import hookspecs
from trunkline.errors import PluginFailed
from trunkline.errors.spelling import nearest


def check_module(
    plugin: str, module: ModuleType, *, manager: PluginManager, hooks: Mapping[str, tuple[str, ...]]
) -> None:
    """Check that every hook in *module* is one of *hooks* (``list_hooks``), and takes only arguments of that hook.

    Raises PluginFailed: the module is faulty; the message describes the first fault.
    """
    seen: set[str] = set()
    for attribute in dir(module):
        options = manager.parse_hookimpl_opts(module, attribute)
        if options is None:
            function = getattr(module, attribute) if attribute in hooks else None
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                raise PluginFailed(
                    plugin, f"defines {attribute} without @hookimpl, so it would never be called"
                )
            continue
        hook = options["specname"] or attribute
        if options["wrapper"] or options["hookwrapper"]:
            raise PluginFailed(plugin, f"makes {hook} a hook wrapper, which trunkline does not have")
        if hook in seen:
            raise PluginFailed(plugin, f"implements {hook} twice")
        seen.add(hook)
        if hook in hooks:
            _check_function(plugin, hook, getattr(module, attribute), allowed=hooks[hook])
        elif not options["optionalhook"]:
            meant = nearest(hook, hooks)
            known = f"did you mean '{meant}'?" if meant else f"the hooks are {', '.join(sorted(hooks))}"
            raise PluginFailed(plugin, f"implements '{hook}', which is not a hook; {known}")
    if not seen & hooks.keys():
        raise PluginFailed(
            plugin, "implements no hook; put @trunkline.hookimpl over each function that is one"
        )


def list_hooks(manager: PluginManager, specifications: ModuleType = hookspecs) -> dict[str, tuple[str, ...]]:
    """Map each hook that *manager* recognises in *specifications* to the names of its arguments."""
    return {
        name: tuple(inspect.signature(specification).parameters)
        for name, specification in vars(specifications).items()
        if manager.parse_hookspec_opts(specifications, name) is not None
    }


def list_implementations(
    module: ModuleType, *, manager: PluginManager
) -> Iterator[tuple[str, Callable[..., object]]]:
    """List the functions that *module* marks as hooks, each with its hook's name, ordered by name."""
    for attribute in dir(module):
        options = manager.parse_hookimpl_opts(module, attribute)
        if options is not None:
            yield options["specname"] or attribute, getattr(module, attribute)


def list_deprecations(module: ModuleType, *, manager: PluginManager) -> Iterator[str]:
    """List deprecated hooks and arguments that *module* uses: a sentence each, without its subject."""
    for hook, function in list_implementations(module, manager=manager):
        caller = getattr(manager.hook, hook, None)
        specification = getattr(caller, "spec", None)
        if specification is None:
            continue
        if specification.warn_on_impl is not None:
            yield f"implements {hook}, which is deprecated: {specification.warn_on_impl}"
        taken = inspect.signature(function).parameters
        for argument, warning in (specification.warn_on_impl_args or {}).items():
            if argument in taken:
                yield f"takes '{argument}' in {hook}, which is deprecated: {warning}"


def _check_function(plugin: str, hook: str, function: object, *, allowed: tuple[str, ...]) -> None:
    if hook.startswith("register_") and (
        inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    ):
        raise PluginFailed(plugin, f"makes {hook} an async function; it must be a plain one")
    if not callable(function):
        return
    for parameter in inspect.signature(function).parameters.values():
        fault = _find_fault(parameter, allowed)
        if fault:
            raise PluginFailed(plugin, f"takes '{parameter.name}' in {hook}, {fault}")


def _find_fault(parameter: inspect.Parameter, allowed: tuple[str, ...]) -> str | None:
    if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        return None
    has_default = parameter.default is not inspect.Parameter.empty
    if parameter.name not in allowed:
        takes = f"takes only: {', '.join(allowed)}" if allowed else "takes no arguments"
        return None if has_default else f"which {takes}"
    if has_default:  # pluggy passes only arguments without one
        return "with a default, so it would never be passed"
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return "by keyword only, but hooks are called with positional arguments"
    return None
