"""Plugins with a defect in their settings, or that show a secret."""

from tests.kit.broken.acme import CHANNELS, IMPORTS, LOGS, MORE_SETTINGS, acme
from tests.kit.broken.breaking import breaks
from tests.kit.broken.rewriting import mail, streams

build_with_silent_setting = acme((', description="where to write"', "")).breaks(
    "plugin.settings-are-described"
)

build_ignoring_a_setting = mail(
    ('{one.strip().lower() for one in context.settings.domains.split(",") if one.strip()}', "set()")
).breaks("plugin.reads-what-it-declares")

build_ignoring_a_member_of_a_target = streams(
    ('("MAXLEN", "~", str(target.config.keep)) if target.config.keep else ()', "()")
).breaks("plugin.reads-what-it-declares")

build_that_needs_a_token = acme(
    (CHANNELS, f"    context.settings.token.get_secret_value()\n{CHANNELS}")
).breaks("plugin.missing-settings-are-named")

build_with_alias = acme(
    ('Field(default="general", ', 'Field(default="general", alias="roomName", '), settings={}
).breaks("plugin.settings-come-from-the-environment")


@breaks("plugin.unknown-settings-are-refused")
def build_lenient():
    lenient = """
    @pydantic.model_validator(mode="before")
    @classmethod
    def drop(cls, data):
        return {name: value for name, value in data.items() if name in cls.model_fields}
"""
    return acme((MORE_SETTINGS, lenient), (IMPORTS, "import json\nimport pydantic\n"))


@breaks("plugin.malformed-settings-are-refused")
def build_forgiving():
    forgiving = """
    @pydantic.field_validator("retries", mode="wrap")
    @classmethod
    def forgive(cls, value, handler):
        try:
            return handler(value)
        except ValueError:
            return 3
"""
    return acme((MORE_SETTINGS, forgiving), (IMPORTS, "import json\nimport pydantic\n"))


build_with_open_secret = acme(("token: SecretStr | None", "token: str | None")).breaks(
    "plugin.secret-settings-are-secret"
)


@breaks("plugin.settings-are-read-once")
def build_with_shared_settings():
    shared = """
    @pydantic.model_validator(mode="after")
    def keep(self):
        for other in ALL:
            other.room, other.retries = self.room, self.retries
        ALL.append(self)
        return self
"""
    return acme((MORE_SETTINGS, shared), (IMPORTS, "import json\nimport pydantic\nALL = []\n"))


@breaks("plugin.secrets-are-in-no-repr")
def build_with_secret_in_a_value():
    told = CHANNELS.replace('"Writes to acme."', 'f"With {context.settings.token.get_secret_value()}."')
    return acme((CHANNELS, told))


@breaks("plugin.secrets-are-in-no-error")
def build_telling_what_it_refuses():
    telling = """
    @pydantic.field_validator("token")
    @classmethod
    def check(cls, value):
        if not value.get_secret_value().startswith("tok_"):
            raise ValueError(f"{value.get_secret_value()} is no token")
        return value
"""
    return acme((MORE_SETTINGS, telling), (IMPORTS, "import json\nimport pydantic\n"))


build_logging_its_secret = acme(
    (LOGS, '    context.log.debug("with %s", context.settings.token.get_secret_value())\n')
).breaks("plugin.secrets-are-in-no-log")

build_answering_its_secret = acme(
    (
        '        return {"notes": [], "count": 0}',
        '        return {"notes": [Note(text=context.settings.token.get_secret_value())], "count": 1}',
    )
).breaks("plugin.secrets-are-in-no-answer")
