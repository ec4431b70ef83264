"""Sinks that are written in Python: where no native driver is, a batch goes through here."""

from writebehind.sinks.base import Cell, Move, Plan, PlanColumn, Row, Sink, Table, TableColumn, sink_options

__all__ = ["Cell", "Move", "Plan", "PlanColumn", "Row", "Sink", "Table", "TableColumn", "sink_options"]
