"""What a benchmark measured, printed row by row as it becomes known, and kept for a JSON file."""
import json


class MeasuredRows:
    def __init__(self, width):
        """`width`: of the column that says what was measured."""
        self.width = width
        self.rows = []

    def print(self, name, what, value):
        """`value`: with its unit, as it is read."""
        print(f"{name:4} {what:{self.width}} {value}", flush=True)
        self.rows.append({"name": name, "what": what, "value": str(value)})

    def write(self, path):
        """To `path`, a pathlib.Path; nowhere, if that is None."""
        if path:
            path.write_text(json.dumps(self.rows, indent=1) + "\n")
