"""The sources of pepper and encryption key, and the data that they protect."""

import hashlib
import hmac
import json
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunkline.access.vault import Sealer, Vault
from trunkline.errors import SettingsInvalid, Unreadable
from trunkline.settings import Auth

PEPPER = "p" * 32
KEY = "k" * 32


def vault(pepper: str = PEPPER, key: str = KEY) -> Vault:
    return Vault(pepper=pepper, encryption_key=key)


def test_a_digest_is_sha256_keyed_with_the_pepper():
    assert vault().digest("wlcro_live_92_x") == hmac.digest(b"p" * 32, b"wlcro_live_92_x", hashlib.sha256)
    assert vault(pepper="q" * 32).digest("wlcro_live_92_x") != vault().digest("wlcro_live_92_x")


@given(st.binary(max_size=500), st.binary(max_size=40))
def test_what_was_sealed_opens_in_its_context(plain, context):
    assert vault().unseal(vault().seal(plain, context=context), context=context) == plain


def test_sealing_twice_gives_different_bytes_that_show_nothing():
    first, second = (vault().seal(b"whsec_secret", context=b"sub_1") for _ in range(2))
    assert first != second
    assert b"whsec" not in first


@pytest.mark.parametrize(
    ("sealed", "context"),
    [
        (vault(key="x" * 32).seal(b"s", context=b"sub_1"), b"sub_1"),
        (vault().seal(b"s", context=b"sub_2"), b"sub_1"),
        (b"\x02" + vault().seal(b"s", context=b"sub_1")[1:], b"sub_1"),
        (vault().seal(b"s", context=b"sub_1")[:-1], b"sub_1"),
        (b"", b""),
    ],
    ids=["another key", "another context", "another version", "cut", "empty"],
)
def test_what_does_not_open_is_refused(sealed, context):
    with pytest.raises(Unreadable, match="does not open with the encryption key"):
        vault().unseal(sealed, context=context)


def test_a_repr_shows_no_secret():
    assert PEPPER not in repr(vault())
    assert KEY not in repr(vault())


def test_settings_are_taken_and_nothing_is_written(tmp_path):
    settings = Auth.model_validate({"pepper": PEPPER, "encryption_key": KEY})
    opened = Vault.open(settings, f"sqlite:///{tmp_path / 'a.db'}")
    assert opened.digest("x") == vault().digest("x")
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_default_is_made_once_and_kept_for_its_owner_alone(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    first, second = Vault.open(Auth(), url), Vault.open(Auth(), url)
    file = tmp_path / "a.db.secrets"
    assert first.digest("x") == second.digest("x")
    assert second.unseal(first.seal(b"s", context=b"c"), context=b"c") == b"s"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    assert kept.keys() == {"pepper", "encryption_key"}
    assert min(map(len, kept.values())) >= 32
    assert list(tmp_path.iterdir()) == [file]


def test_a_setting_goes_before_what_is_kept(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    kept = Vault.open(Auth(), url)
    mixed = Vault.open(Auth.model_validate({"pepper": PEPPER}), url)
    assert mixed.digest("x") == vault().digest("x")
    assert mixed.unseal(kept.seal(b"s", context=b"c"), context=b"c") == b"s"


def test_processes_that_start_at_once_agree(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with ThreadPoolExecutor(16) as pool:
        opened = list(pool.map(lambda _: Vault.open(Auth(), url), range(32)))
    assert len({one.digest("x") for one in opened}) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.db.secrets"]


@pytest.mark.parametrize("content", ["", "{}", "[]", "{not json"])
def test_a_damaged_file_stops_the_start_and_is_left_alone(tmp_path, content):
    file = tmp_path / "a.db.secrets"
    file.write_text(content)
    with pytest.raises(SettingsInvalid, match=r"a\.db\.secrets cannot be used"):
        Vault.open(Auth(), f"sqlite:///{tmp_path / 'a.db'}")
    assert file.read_text() == content


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SettingsInvalid, match="No such file or directory"):
        Vault.open(Auth(), f"sqlite:///{tmp_path / 'missing' / 'a.db'}")


@pytest.mark.parametrize(
    ("given_settings", "named"),
    [({}, "'auth.pepper' and 'auth.encryption_key'"), ({"pepper": PEPPER}, "'auth.encryption_key'")],
)
def test_postgresql_demands_what_is_missing(given_settings, named):
    with pytest.raises(SettingsInvalid, match=f"Setting {named}: must be set.*make one with"):
        Vault.open(Auth.model_validate(given_settings), "postgresql://db/trunkline")


@given(st.binary(max_size=500), st.text(max_size=20))
def test_what_was_sealed_as_text_opens_for_its_purpose_and_may_stand_in_a_url(data, purpose):
    sealer = Sealer(vault(), owner="portal")
    sealed = sealer.seal(data, purpose=purpose)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", sealed)
    assert sealer.unseal(sealed, purpose=purpose) == data


SEALED = Sealer(vault(), owner="portal").seal(b"data", purpose="cookie")


OTHERS = {
    "another purpose": Sealer(vault(), owner="portal").seal(b"data", purpose="link"),
    "another owner": Sealer(vault(), owner="other").seal(b"data", purpose="cookie"),
    "another hub": Sealer(vault(key="x" * 32), owner="portal").seal(b"data", purpose="cookie"),
    "cut": SEALED[:-4],
    "longer": SEALED + "AAAA",
    "altered": ("A" if SEALED[30] != "A" else "B").join((SEALED[:30], SEALED[31:])),
    "a line break": SEALED[:30] + "\n" + SEALED[30:],
    "padded": SEALED + "=",
    "not ASCII": "é" + SEALED,
    "no base 64": "?",
    "empty": "",
}


@pytest.mark.parametrize("sealed", OTHERS.values(), ids=OTHERS)
def test_what_was_not_sealed_for_this_does_not_open(sealed):
    with pytest.raises(ValueError, match="is not what this hub sealed for this purpose"):
        Sealer(vault(), owner="portal").unseal(sealed, purpose="cookie")


def test_owner_and_purpose_cannot_be_mistaken_for_one_another():
    sealed = Sealer(vault(), owner="a").seal(b"data", purpose="b c")
    with pytest.raises(ValueError, match="sealed for this purpose"):
        Sealer(vault(), owner="a b").unseal(sealed, purpose="c")
