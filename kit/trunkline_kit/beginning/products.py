"""The plan of a product's deployment, and the files written from it."""

import contextlib
import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import jinja2

from trunkline.errors import Refused
from trunkline_kit.beginning.event_types import path_of, schema_of

SCHEMAS = Path("schemas")
POSTGRESQL = "postgresql"
SQLITE = "sqlite"
_PREFIX = re.compile(r"[a-z][a-z0-9]{1,15}")
_TEMPLATES: Mapping[str, str] = {
    "trunkline.toml": "trunkline.toml",
    "env": ".env",
    "compose.yaml": "compose.yaml",
    "gitignore": ".gitignore",
}
_MAX_SLUG = 20
_MAX_TITLE = 40


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A new product. *database* is ``sqlite``, ``postgresql`` (run by compose), or the URL of an existing one.

    *insecure_targets* allows webhooks to receivers on this machine; a hub on SQLite, meant for development, always does.
    """

    title: str
    key_prefix: str
    database: str
    event_type: str
    insecure_targets: bool = field(default=False, kw_only=True)

    @property
    def slug(self) -> str:
        """The product's name in the form that generated names contain."""
        return slug_of(self.title) or self.key_prefix

    @property
    def brings_postgresql(self) -> bool:
        """Whether the compose file runs PostgreSQL."""
        return self.database == POSTGRESQL

    @property
    def allows_insecure_targets(self) -> bool:
        """Whether the settings allow targets over plain HTTP and in private networks."""
        return self.insecure_targets or self.is_on_sqlite

    @property
    def is_on_sqlite(self) -> bool:
        """Whether the database is SQLite, so that all data is in one file."""
        return self.database == SQLITE or self.database.startswith("sqlite:")


def slug_of(title: str) -> str:
    """Convert a name to lower-case letters and digits with ``-`` between words; may be empty."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("0123456789-")[:_MAX_SLUG].rstrip("-")
    return slug if len(slug) > 1 else ""


def prefix_of(title: str) -> str:
    """Propose the prefix of a product's keys."""
    return slug_of(title).replace("-", "")[:16]


def check_title(title: str) -> str:
    """Check the name of a product. Raises Refused."""
    if not 1 <= len(title.strip()) <= _MAX_TITLE or not title.isprintable():
        msg = f"A product's name has 1 to {_MAX_TITLE} characters."
        raise Refused(msg)
    return title.strip()


def check_prefix(prefix: str) -> str:
    """Check the prefix of keys. Raises Refused."""
    if not _PREFIX.fullmatch(prefix):
        msg = f"'{prefix[:60]}' cannot begin keys: take 2 to 16 lower-case letters and digits, beginning with a letter."
        raise Refused(msg)
    return prefix


def check_database(database: str) -> str:
    """Check the choice of a database. Raises Refused."""
    urls = ("sqlite:///", "postgresql://", "postgres://")
    if database not in {SQLITE, POSTGRESQL} and (not database.startswith(urls) or not database.isprintable()):
        msg = f"--database is {SQLITE}, {POSTGRESQL}, or a URL that begins with sqlite:/// or postgresql://."
        raise Refused(msg)
    return database


def write_product(product: NewProduct, folder: Path) -> list[Path]:
    """Write the files of *product* into *folder*; returns them sorted by path. Only its owner can read ``.env``.

    Raises:
        Refused: a file exists, or cannot be written. Nothing was overwritten.
    """
    templates = files("trunkline_kit.beginning") / "templates"
    environment = make_environment(lambda name: (templates / f"{name}.jinja").read_text(encoding="utf-8"))
    words = {
        "product": product,
        "title": json.dumps(product.title, ensure_ascii=False),
        "pepper": secrets.token_urlsafe(32),
        "encryption_key": secrets.token_urlsafe(32),
        "password": secrets.token_urlsafe(24),
    }
    brand = {
        "slug": product.slug,
        "title": product.title,
        "description": f"Events of {product.title}.",
        "author": product.title,
    }
    written = {
        Path(path): environment.get_template(template).render(words) for template, path in _TEMPLATES.items()
    }
    written[SCHEMAS / "brand.json"] = json.dumps(brand, indent=2, ensure_ascii=False) + "\n"
    written[SCHEMAS / path_of(product.event_type)] = schema_of(product.event_type)
    if taken := sorted(str(folder / path) for path in written if (folder / path).exists()):
        msg = f"{', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already, and nothing was written; name another folder with --into."
        raise Refused(msg)
    with contextlib.ExitStack() as undoing:  # or the next try would refuse the files of one that failed
        for path, text in written.items():
            write_new(folder / path, text, mode=0o600 if path.name == ".env" else 0o644)
            undoing.callback((folder / path).unlink)
        undoing.pop_all()
    return [folder / path for path in sorted(written)]


def write_new(file: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a new file. Raises Refused if it exists."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=mode, exist_ok=False)
        file.write_text(text, encoding="utf-8")
    except FileExistsError:
        msg = f"{file} is there already; nothing was written."
        raise Refused(msg) from None
    except OSError as error:
        with contextlib.suppress(OSError):
            file.unlink()
        msg = f"{file} cannot be written: {error.strerror}"
        raise Refused(msg) from None


def make_environment(read: Callable[[str], str], **delimiters: str) -> jinja2.Environment:
    """Make the Jinja environment; *read* gives a template's text by its name, *delimiters* are Jinja's settings."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(read),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Python, TOML and YAML, not HTML
        **delimiters,  # type: ignore[arg-type]
    )
