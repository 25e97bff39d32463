"""The product of a deployment: the folders of its schemas, its name, and the prefix of its keys (``product.schemas``)."""

from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from trunkline.errors import SchemaInvalid
from trunkline.schemas.files import installed_folders, installed_names, product_folders, read_brand
from trunkline.settings import Brand, Settings, describe

DEFAULT_SCHEMAS = "schemas"
NEUTRAL_PREFIX = "trunkline"
"""The prefix of keys and generated names if the product has no name."""
_MAX_PREFIX = 16


def schema_folders(settings: Settings) -> Sequence[Traversable | Path]:
    """List the folders with the product's schemas; no other folders are read.

    Raises:
        SettingsInvalid: ``product.schemas`` names a folder or a package that does not exist.
        SchemaInvalid: a package cannot be imported.
    """
    if settings.product.schemas is not None:
        return product_folders(settings.product.schemas, beside=settings.folder)
    return [*installed_folders(), settings.folder / DEFAULT_SCHEMAS]


def packaged_brand(settings: Settings) -> Brand:
    """Read the ``brand.json`` of the product. Raises SettingsInvalid, SchemaInvalid."""
    try:
        return Brand.model_validate(read_brand(schema_folders(settings)))
    except ValidationError as error:
        raise SchemaInvalid("brand.json", describe(error, model=Brand, section="brand")) from None


def own_folder(settings: Settings) -> Path:
    """Return the folder for new schemas: the first one in the settings, or else ``schemas`` next to the settings."""
    named = settings.product.schemas or ()
    folders = [name for name in named if name not in installed_names()]
    return settings.folder / next(iter(folders), DEFAULT_SCHEMAS)


def source_names(settings: Settings) -> tuple[str, ...]:
    """List the folders and packages of the product: from the settings, or else the installed packages and ``schemas``."""
    if settings.product.schemas is not None:
        return settings.product.schemas
    folder = settings.folder / DEFAULT_SCHEMAS
    return (*installed_names(), *((str(folder),) if folder.is_dir() else ()))


def key_prefix_of(settings: Settings) -> str:
    """Return the first part of every API key: from the settings, or else the product's name.

    Raises SettingsInvalid, SchemaInvalid: the product cannot be read.
    """
    auth = settings.auth
    if settings.product.schemas is None or "key_prefix" in auth.model_fields_set:
        return auth.key_prefix
    slug = settings.brand.slug or packaged_brand(settings).slug or NEUTRAL_PREFIX
    return slug.replace("-", "")[:_MAX_PREFIX]
