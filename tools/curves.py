"""Line charts side by side as one SVG, for the tools that run demos with several seeds."""

COLOURS = ["#2a6fd6", "#c98200", "#128a63", "#5b49b8", "#d03f3e", "#8d8b83", "#1f9bb5", "#b5487f", "#6b8e23", "#a0522d"]
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 260, 44, 28, 34


def smoothed(values, window):
    """The mean of each value and those before it in the window."""
    return [sum(part) / len(part) for part in (values[max(0, i - window + 1):i + 1] for i in range(len(values)))]


def legend(names):
    """The names in their colours, in the first panel's lower right corner."""
    return [f'<text x="{WIDTH - 110}" y="{HEIGHT - BOTTOM - 10 - 15 * (len(names) - 1 - k)}" '
            f'fill="{COLOURS[k % len(COLOURS)]}">{name}</text>' for k, name in enumerate(names)]


def svg(panels, with_legend=False):
    """panels: [(title, (lowest y, highest y), digits of y, {series: [(step, y)]})]; a series has one colour in all of
    them, and values beyond are drawn at the edge."""
    names = list(dict.fromkeys(name for *_, series in panels for name in series))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" '
           'font-family="sans-serif" font-size="11" fill="#55534c">',
           f'<rect width="{WIDTH * len(panels)}" height="{HEIGHT}" fill="#fcfcfb"/>']
    for panel, (title, (lowest, highest), digits, series) in enumerate(panels):
        x0 = panel * WIDTH
        steps = max(x for points in series.values() for x, _ in points) + 1

        def x(step):
            return x0 + LEFT + step / steps * (WIDTH - LEFT - 14)

        def y(value):
            part = (min(max(value, lowest), highest) - lowest) / (highest - lowest)
            return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

        out.append(f'<text x="{x0 + LEFT}" y="16" font-size="12" fill="#16150f">{title}</text>')
        for tick in range(5):
            value, step = lowest + (highest - lowest) * tick / 4, steps * tick // 4
            out.append(f'<path d="M{x(0):.1f} {y(value):.1f}H{x(steps):.1f}" stroke="#dddbd5"/>'
                       f'<text x="{x0 + LEFT - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.{digits}f}</text>'
                       f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{step}</text>')
        for name, points in series.items():
            path = "L".join(f"{x(step):.1f} {y(value):.1f}" for step, value in points)
            out.append(f'<path d="M{path}" fill="none" stroke="{COLOURS[names.index(name) % len(COLOURS)]}" '
                       f'stroke-width="1.5" opacity="0.85"><title>{name}</title></path>')
        if with_legend and panel == 0:
            out += legend(names)
        out.append(f'<text x="{x(steps / 2):.1f}" y="{HEIGHT - 4}" text-anchor="middle">step</text>')
    return "\n".join(out) + "\n</svg>\n"
