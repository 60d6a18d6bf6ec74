"""Ratios of servers that were measured by turns, and the table of them."""
import statistics


def ratio_rows(scenario, metrics, results):
    """Per metric: each server's median, and beside ours the ratios of the pairs to each other
    server, turned so that more is better: 1 is as good as the other."""
    rows = []
    for name in scenario.metrics:
        unit, more_is_better, value = metrics[name]
        values = {server: [value(result) for result in of_server]
                  for server, of_server in results.items()}
        row = {"metric": name, "unit": unit,
               "medians": {server: statistics.median(of) for server, of in values.items()},
               "ranges": {server: [min(of), max(of)] for server, of in values.items()},
               "ratios": {}}
        for other, theirs in values.items():
            if other != "barnabas":
                ratios = [(a / b if more_is_better else b / a) if a and b else None
                          for a, b in zip(values["barnabas"], theirs)]
                known = sorted(ratio for ratio in ratios if ratio is not None)
                if known:
                    row["ratios"][other] = {"median": statistics.median(known),
                                            "least": known[0], "most": known[-1]}
        rows.append(row)
    return rows


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _share(ratio):
    return "-" if ratio is None else \
        f"{ratio['median']:.0%} ({ratio['least']:.0%}-{ratio['most']:.0%})"


def _times(ratio):
    return "-" if ratio is None else \
        f"{ratio['median']:.2g}x ({ratio['least']:.2g}-{ratio['most']:.2g})"


def head(servers):
    cells = [f"{'':<54} {'metric':<14} {'unit':<5} {'barnabas':>9}"]
    if "ideal" in servers:
        cells.append(f"{'ideal':>9} {'of the ideal':>18}")
    if "kafka" in servers:
        cells.append(f"{'kafka':>9} {'better than kafka':>20}")
    return " ".join(cells)


def lines(scenario, rows, servers):
    """Shares of the ideal, and how many times as good as Kafka: in rate, or in time, CPU, memory."""
    for index, row in enumerate(rows):
        what = f"{scenario.name}  {scenario.what}" if index == 0 else ""
        medians, ratios = row["medians"], row["ratios"]
        cells = [f"{what:<54} {row['metric']:<14} {row['unit']:<5} {number(medians['barnabas']):>9}"]
        if "ideal" in servers:
            cells.append(f"{number(medians.get('ideal')):>9} {_share(ratios.get('ideal')):>18}")
        if "kafka" in servers:
            cells.append(f"{number(medians.get('kafka')):>9} {_times(ratios.get('kafka')):>20}")
        yield " ".join(cells)
