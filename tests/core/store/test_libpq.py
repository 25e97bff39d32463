"""URLs of PostgreSQL: libpq's parameters, several hosts, a service file, and a sentence about each fault."""

import os
from pathlib import Path

import pytest

from trunkline.errors import SettingsInvalid
from trunkline.store import libpq

NAMED = "postgresql://u:s3cret@h/n"
SERVICES = """
# comment
[hub]
host=db1.example.com,db2.example.com
port=6432
user=trunkline
password=100%sure = so
dbname=hub
sslmode=require
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def services(tmp_path: Path) -> Path:
    file = tmp_path / "services.conf"
    file.write_text(SERVICES)
    return file


def read(url: str, **environment: str) -> dict[str, str]:
    return libpq.parameters(url, environment)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://", {}),
        ("postgres:///hub", {"dbname": "hub"}),
        ("postgresql://u@h/n", {"user": "u", "host": "h", "port": "", "dbname": "n"}),
        (
            "postgresql://u:p%40ss/w?rd@h:6000/a%20b",
            {"user": "u", "password": "p@ss/w?rd", "host": "h", "port": "6000", "dbname": "a b"},
        ),
        ("postgresql://a:1,b,[::1]:3/n", {"host": "a,b,::1", "port": "1,,3", "dbname": "n"}),
        ("postgresql:///n?host=a,b&port=5433", {"host": "a,b", "port": "5433,5433", "dbname": "n"}),
        ("postgresql:///n?host=a:1&host=b:2", {"host": "a,b", "port": "1,2", "dbname": "n"}),
        ("postgresql://u@/n?host=/run/pg", {"user": "u", "host": "/run/pg", "port": "", "dbname": "n"}),
        ("postgresql://%2Frun%2Fpg/n", {"host": "/run/pg", "port": "", "dbname": "n"}),
        (
            "postgresql://u@%2Frun%2Fpg:6000,h:1/n",
            {"user": "u", "host": "/run/pg,h", "port": "6000,1", "dbname": "n"},
        ),
        (
            "postgresql://h?user=u&password=p&dbname=n",
            {"host": "h", "port": "", "user": "u", "password": "p", "dbname": "n"},
        ),
        (
            "postgresql:///n?sslmode=require&target_session_attrs=read-write&channel_binding=prefer",
            {"dbname": "n", "sslmode": "require", "target_session_attrs": "read-write"},
        ),
    ],
)
def test_a_url_has_parameters(url, expected):
    assert read(url) == expected


def test_a_service_gives_what_the_url_leaves_open(services):
    found = read("postgresql://other@/?service=hub&sslmode=prefer", PGSERVICEFILE=str(services))
    assert found == {
        "host": "db1.example.com,db2.example.com",
        "port": "6432,6432",
        "user": "other",
        "password": "100%sure = so",
        "dbname": "hub",
        "sslmode": "prefer",
    }


def test_a_service_may_be_named_beside_the_url(services, tmp_path):
    assert read("postgresql://", PGSERVICE="hub", PGSERVICEFILE=str(services))["dbname"] == "hub"
    services.rename(tmp_path / ".pg_service.conf")
    assert read("postgresql:///x?service=hub")["dbname"] == "x"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql:/host/name", "is not the URL of a database"),
        ("postgresql://u:s3cret@h:five/n", "has the port 'five', which is not a number"),
        ("postgresql://u:s3cret@h:65536/n", "has the port '65536'"),
        ("postgresql://u:s3cret@a:1:2/n", "has 'a:1:2' where a host is expected"),
        ("postgresql://u:s3cret@a,,b/n", "has '' where a host is expected"),
        ("postgresql:///n?host=a,b,c&port=1,2&password=s3cret", "has 2 ports for 3 hosts"),
        ("postgresql:///n?port=no&password=s3cret", "has the port 'no'"),
        (f"{NAMED}?ssl=require", "parameter 'ssl', .* write 'sslmode=require'"),
        (f"{NAMED}?sslmod=require", "'sslmod', which is not known; known are .*sslmode"),
        (f"{NAMED}?sslmode=on", "has sslmode=on, which is none of disable, allow"),
        (f"{NAMED}?target_session_attrs=rw", "target_session_attrs=rw, which is none of any"),
        (f"{NAMED}?connect_timeout=0", "connect_timeout=0, which is not a number of seconds"),
        (f"{NAMED}?channel_binding=require", "channel_binding=require, which cannot be kept"),
        (f"{NAMED}?sslcert=/no/file", "the file /no/file as sslcert, .* No such file"),
        (f"{NAMED}?sslmode=verify-full", "without the certificate authorities"),
        (f"{NAMED}?sslmode=require&sslrootcert=system", "need sslmode=verify-full"),
        ("postgresql://u:p@s3cret@h:5432/n", "more than one '@'; .* write '@' as %40"),
        ("postgresql://u:p@s3cret/@h/n", "more than one '@'; .* write '@' as %40"),
        (f"{NAMED}?service=hub", "service file .*pg_service.conf cannot be read"),
    ],
)
def test_what_is_wrong_with_a_url_is_one_sentence_without_its_password(url, sentence):
    with pytest.raises(SettingsInvalid, match=f"^Setting 'database.url': .*{sentence}") as caught:
        read(url)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_service_that_is_not_in_the_file_is_named(services):
    with pytest.raises(
        SettingsInvalid, match=r"the service 'hubb', which .*services\.conf has no section for"
    ):
        read("postgresql://?service=hubb", PGSERVICEFILE=str(services))


def test_a_parameter_of_a_service_is_checked_as_one_of_a_url(services):
    services.write_text("[hub]\nhots=db\n")
    with pytest.raises(SettingsInvalid, match="'hots', which is not known"):
        read("postgresql://?service=hub", PGSERVICEFILE=str(services))


@pytest.mark.parametrize(
    ("owner", "mode", "is_taken"),
    [
        (1000, 0o600, True),
        (1000, 0o400, True),
        (1000, 0o640, False),
        (1000, 0o604, False),
        (0, 0o640, True),
        (0, 0o660, False),
        (0, 0o644, False),
    ],
)
@pytest.mark.parametrize("named_by", ["url", "environment", "home folder"])
def test_a_clients_key_that_others_may_read_is_refused(tmp_path, owner, mode, is_taken, named_by):
    """The modes and owners are the ones that libpq accepts and refuses."""
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    key = folder / "postgresql.key"
    for file in (key, folder / "postgresql.crt"):
        file.touch()
    key.chmod(mode)
    try:
        os.chown(key, owner, -1)
    except PermissionError:
        if owner != key.stat().st_uid:
            pytest.skip("only root gives a file to another account")
    url = f"{NAMED}?sslkey={key}" if named_by == "url" else NAMED
    environment = {"PGSSLKEY": str(key)} if named_by == "environment" else {}
    if is_taken:
        assert read(url, **environment)["host"] == "h"
        return
    with pytest.raises(
        SettingsInvalid, match=rf"'database\.url': uses the key {key}.* is {mode:04o}\)"
    ) as caught:
        read(url, **environment)
    assert f"'chmod 600 {key}'" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert read(f"postgresql://h/n?sslmode=disable&sslkey={key}", **environment), "nothing uses it"


def test_authorities_may_come_from_the_environment_or_the_home_folder(tmp_path):
    url = "postgresql://h/n?sslmode=verify-full"
    assert read(url, PGSSLROOTCERT="system")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").touch()
    assert read(url)
