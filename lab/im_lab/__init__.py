"""The programs behind `lab/lab`. Standard library only: they run before the project's environment exists."""
