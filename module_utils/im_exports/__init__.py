"""From the report of a compliance run (schema 1) to the texts that other programs and people read.

Every function is pure but ``write_exports``, which puts the texts into files.
"""

from __future__ import annotations

from .csv_table import as_csv
from .files import FILES, write_exports
from .html_page import as_html
from .json_lines import as_json_lines
from .junit import as_junit
from .prometheus import as_prometheus

__all__ = ["FILES", "as_csv", "as_html", "as_json_lines", "as_junit", "as_prometheus", "write_exports"]
