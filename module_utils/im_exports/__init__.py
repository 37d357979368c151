"""From the report of a compliance run (schema 1) to the texts that other programs and people read.

Every function is pure; writing the text, atomically and for the right readers only, is the caller's.
"""

from __future__ import annotations

from .csv_table import as_csv
from .html_page import as_html
from .json_lines import as_json_lines
from .junit import as_junit
from .prometheus import as_prometheus

__all__ = ["as_csv", "as_html", "as_json_lines", "as_junit", "as_prometheus"]
