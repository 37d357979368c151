"""The install hash of Mozilla products, against values that their clients wrote."""

from __future__ import annotations

import pytest
from ansible.module_utils.im_formats.mozilla_install import install_hash


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        # Seen in profiles.ini of Thunderbird 153.7.0esr on Debian.
        ("/usr/lib/thunderbird", "FDC34C9F024745EB"),
        # Seen in public files: Thunderbird and Firefox where their installers put them.
        (r"C:\Program Files\Mozilla Thunderbird", "D78BF5DD33499EC2"),
        (r"C:\Program Files\Mozilla Firefox", "308046B0AF4A39CB"),
        (r"C:\Program Files (x86)\Mozilla Firefox", "E7CF176E110C211B"),
        ("/Applications/Firefox.app/Contents/MacOS", "2656FF1E876E9973"),
        # Computed only.
        ("/Applications/Thunderbird.app/Contents/MacOS", "712DAF5A23ABECDC"),
        ("/usr/lib64/thunderbird", "3DDF446CE6CB1A45"),
        ("/opt/thunderbird", "18C3977DFDAA23D7"),
    ],
)
def test_a_directory_has_the_hash_that_the_client_gives_it(directory: str, expected: str) -> None:
    assert install_hash(directory) == expected


def test_every_length_of_directory_has_a_hash_of_its_own() -> None:
    hashes = [install_hash("x" * length) for length in range(200)]
    assert len(set(hashes)) == 200
    assert all(0 < int(one, 16) < 1 << 64 for one in hashes)


def test_letter_case_and_accents_count() -> None:
    assert len({install_hash(one) for one in ("/opt/Zoë", "/opt/zoë", "/opt/zoe", "/opt/zo\U0001f600")}) == 4
