"""A file that is no model is told by its first bytes."""

from __future__ import annotations

import pickle
import struct
import zipfile
from io import BytesIO

import pytest
from tests.models.files.headers.reading import header_of, refusal_of

from stablequeue_core.models import FileFormat
from stablequeue_core.testing.model_files import vector_d

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"abc", "too_short"),
        (vector_d(), "unknown_format"),
        (bytes(range(200, 256)), "unknown_format"),
        (b"\0" * 4096, "empty_header"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "html_page"),
        (b"\xef\xbb\xbf\r\n<html>", "html_page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "html_page"),
        (b"<html>", "html_page"),
        (b'{"error": "Unauthorized"}', "json_document"),
        (b"{}", "json_document"),
        (LFS, "git_lfs_pointer"),
        (struct.pack("<Q", 100_000_001) + b'{"a":', "header_too_long"),
        (struct.pack("<Q", 40) + b"no header, but just as long as is said..", "unknown_format"),
    ],
)
def test_it_is_told_what_it_is_instead(content: bytes, code: str) -> None:
    assert refusal_of(content).code == code


def test_a_login_page_is_called_one() -> None:
    assert "login or error page" in refusal_of(b"<!doctype html><title>Log in</title>").message


def test_a_pickle_is_recognised_and_not_opened() -> None:
    content = pickle.dumps({"state_dict": list(range(100))}, protocol=2)
    file = header_of(content)
    assert file.format is FileFormat.PICKLE
    assert len(file.tensors) == 0


def test_a_zipped_pickle_is_recognised() -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
    assert header_of(content.getvalue()).format is FileFormat.PICKLE


def test_a_header_of_640_bytes_is_not_taken_for_a_pickle() -> None:
    """The length 640 begins with the same two bytes, 80 02."""
    header = b"{" + b" " * 638 + b"}"
    content = struct.pack("<Q", len(header)) + header
    assert content.startswith(b"\x80\x02")
    assert header_of(content).format is FileFormat.SAFETENSORS
