"""Where a Unix socket may be made: a stale socket is replaced; a socket in use, or any other file, is left alone."""

import socket
import stat

import pytest

from trunkline.api.unix_sockets import listening_at
from trunkline.errors import SettingsInvalid


def test_it_is_for_the_account_and_its_group_and_is_gone_in_the_end(tmp_path):
    path = tmp_path / "hub.sock"
    with listening_at(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert list(tmp_path.iterdir()) == []


def test_one_that_nobody_listens_at_is_replaced_and_one_in_use_is_refused(tmp_path):
    path = tmp_path / "hub.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with listening_at(path) as listener:
        with (
            pytest.raises(SettingsInvalid, match=r"hub\.sock: another process listens there\.$"),
            listening_at(path),
        ):
            pass
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            listener.accept()[0].close()


def test_the_socket_of_the_process_that_has_come_in_between_stays(tmp_path):
    path = tmp_path / "hub.sock"
    with listening_at(path), listening_at(tmp_path / "other.sock"):
        (tmp_path / "other.sock").rename(path)
    assert path.exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("notes.txt", "it is there and is no socket"),
        ("no/hub.sock", "No such file or directory"),
        ("x" * 99, "AF_UNIX path too long"),
    ],
)
def test_what_cannot_be_listened_at_is_said(tmp_path, name, reason):
    (tmp_path / "notes.txt").write_text("kept")
    with pytest.raises(SettingsInvalid) as refused, listening_at(tmp_path / name):
        pass
    assert str(refused.value) == f"Setting 'server.socket': cannot listen at {tmp_path / name}: {reason}."
    assert (tmp_path / "notes.txt").read_text() == "kept"
