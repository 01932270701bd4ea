"""Which files attendees may be given, and as what browsers are told to take them. What a file is, its first bytes say."""

from dataclasses import dataclass
from pathlib import PurePath

HEAD_BYTES = 12
_OFFICE = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True)
class FileType:
    content_type: str
    # Its first bytes, from `offset` on: one of these.
    begins: tuple[bytes, ...] = ()
    offset: int = 0


FILE_TYPES = {
    ".pdf": FileType("application/pdf", (b"%PDF-",)),
    ".docx": FileType(f"{_OFFICE}.wordprocessingml.document", (b"PK\x03\x04",)),
    ".pptx": FileType(f"{_OFFICE}.presentationml.presentation", (b"PK\x03\x04",)),
    ".xlsx": FileType(f"{_OFFICE}.spreadsheetml.sheet", (b"PK\x03\x04",)),
    ".mp4": FileType("video/mp4", (b"ftyp",), offset=4),
    ".m4a": FileType("audio/mp4", (b"ftyp",), offset=4),
    ".mp3": FileType("audio/mpeg", (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
}


def suffix_of(name: str) -> str:
    """'.pdf' of 'Notes.PDF'."""
    return PurePath(name).suffix.lower()


def is_what_it_says(name: str, head: bytes) -> bool:
    """Whether a file of this name that begins with these bytes is one that attendees may be given."""
    file_type = FILE_TYPES.get(suffix_of(name))
    return file_type is not None and head[file_type.offset :].startswith(file_type.begins)


def content_type_of(name: str) -> str:
    """What is sent as Content-Type; a name that is not known is only bytes."""
    file_type = FILE_TYPES.get(suffix_of(name))
    return file_type.content_type if file_type else "application/octet-stream"
