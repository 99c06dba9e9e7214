"""Which archives hosts reach, and by which proxy. Does not prove anything about transfers."""

import re

import pytest
from yarl import URL

from lab.packages.archive import Archives, read_archives

MIRROR = "mirror.example"


@pytest.mark.parametrize(
    ("settings", "scheme", "proxy"),
    [
        ({}, "http", None),
        ({"Acquire::http::Proxy": "http://p:1"}, "http", "http://p:1"),
        ({"Acquire::http::Proxy": "http://p:1"}, "https", "http://p:1"),
        ({"Acquire::http::Proxy": "DIRECT"}, "http", None),
        (
            {"Acquire::http::Proxy": "http://p:1", "Acquire::https::Proxy": "http://q:2"},
            "https",
            "http://q:2",
        ),
        (
            {"Acquire::http::Proxy": "http://p:1", f"Acquire::http::Proxy::{MIRROR}": "DIRECT"},
            "http",
            None,
        ),
    ],
)
def test_outgoing_proxy_is_the_one_that_apt_uses(
    settings: dict[str, str], scheme: str, proxy: str | None
) -> None:
    archives = Archives(schemes={MIRROR: scheme}, apt_settings=settings)
    upstream = archives.upstream(URL(f"http://{MIRROR}/debian/dists/bookworm/InRelease"))
    assert archives.outgoing_proxy(upstream) == proxy


def test_https_mirror_is_reached_by_https_with_the_path_as_asked() -> None:
    archives = Archives(schemes={MIRROR: "https"}, apt_settings={})
    asked = URL(f"http://{MIRROR}/pool/libstdc%2b%2b6_12~deb12_amd64.deb", encoded=True)
    assert str(archives.upstream(asked)) == str(asked).replace("http:", "https:")


def test_another_host_and_another_port_are_not_allowed() -> None:
    archives = Archives(schemes={MIRROR: "http"}, apt_settings={})
    assert archives.allows(URL(f"http://{MIRROR}/debian/x"))
    for authority in (f"{MIRROR}.evil.example", f"{MIRROR}:8080", "localhost"):
        assert not archives.allows(URL(f"http://{authority}/debian/x")), authority


def test_archives_of_this_machine_are_its_debian_sources() -> None:
    archives = read_archives()
    assert archives.schemes
    assert set(archives.schemes.values()) <= {"http", "https"}
    assert all(re.fullmatch(r"[a-z0-9.-]+(:\d+)?", name) for name in archives.schemes)
