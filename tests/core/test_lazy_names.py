"""The names of `trunkline` and `trunkline_kit` are loaded at their first use, and not before."""

import ast
import inspect
import pickle
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from tests.programs import output_of
from tests.some import some

import trunkline
import trunkline.routes
import trunkline_kit

HEAVY = (
    "aiosqlite", "alembic", "asyncpg", "cryptography", "fastapi", "jinja2", "jsonschema", "jsonschema_rs", "limits",
    "phonenumbers", "pluggy", "prometheus_client", "pydantic", "pytest", "redis", "rich", "sqlalchemy", "starlette",
    "structlog", "typer", "uvicorn", "uvloop",
)  # fmt: skip

PACKAGES = [pytest.param(package, id=package.__name__) for package in (trunkline, trunkline_kit)]


def loaded_by(code: str) -> set[str]:
    """Give the modules that a fresh interpreter has loaded after *code*."""
    script = f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"
    return set(output_of(sys.executable, "-c", script).splitlines())


def typed_names(package: ModuleType) -> dict[str, tuple[str, str]]:
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    block, *_ = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    return {
        alias.asname or alias.name: (str(statement.module), alias.name)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_the_typed_imports_and_all_have_the_same_names(package):
    names = typed_names(package)

    assert sorted(names) == sorted(package.__all__) == sorted(package._HOME_OF) == dir(package)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_is_what_the_typed_import_says(package):
    for name, (home, own_name) in some(typed_names(package).items()):
        assert getattr(package, name) is getattr(import_module(home), own_name), name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_star_import_gives_every_name(package):
    names: dict[str, object] = {}
    exec(f"from {package.__name__} import *", names)

    assert {*package.__all__} <= {*names}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_there_is_named_in_the_error(package):
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'Nonsense'"):
        _ = package.Nonsense
    with pytest.raises(ImportError, match="Nonsense"):
        exec(f"from {package.__name__} import Nonsense")


def test_the_names_of_the_api_are_what_the_typed_import_says():
    names = typed_names(trunkline.routes)
    assert sorted(names) == sorted(trunkline.routes._HOME_OF)
    for name, (home, own_name) in some(names.items()):
        assert getattr(trunkline.routes, name) is getattr(import_module(home), own_name), name
    assert all(hasattr(trunkline.routes, name) for name in trunkline.routes.__all__)
    with pytest.raises(ImportError, match="Nonsense"):
        exec("from trunkline.routes import Nonsense")


def test_public_classes_can_be_pickled():
    classes = [value for name in trunkline.__all__ if inspect.isclass(value := getattr(trunkline, name))]

    assert len(classes) > 20
    assert pickle.loads(pickle.dumps(classes)) == classes


def test_importing_the_package_loads_nothing_else_of_it():
    loaded = {name for name in loaded_by("import trunkline") if name.startswith("trunkline.")}
    assert loaded == {"trunkline.lazy_names"}


def test_the_client_loads_nothing_of_the_hub():
    loaded = loaded_by("import trunkline.client")

    assert loaded.isdisjoint(HEAVY)
    rooms = {name.split(".")[1] for name in loaded if name.startswith("trunkline.")}
    assert rooms == {"client", "lazy_names"}
    alone = loaded_by("import trunkline_client")
    assert "trunkline" not in alone
    assert "httpx2" not in alone  # half of the modules of `Client`; a receiver does not need them
