"""Telling the site when the fleet got worse: what did, in which words, and by which ways. Control node only."""

from __future__ import annotations

from .carrying import NotDelivered
from .mail import send_mail
from .message import Message, broken_message, worse_message
from .undelivered import take_back, withhold
from .webhook import post
from .worse import Earlier, earlier_of_history, earlier_of_report, gap_of, worse_of

__all__ = [
    "Earlier",
    "Message",
    "NotDelivered",
    "broken_message",
    "earlier_of_history",
    "earlier_of_report",
    "gap_of",
    "post",
    "send_mail",
    "take_back",
    "withhold",
    "worse_message",
    "worse_of",
]
