/// The page's looks, in light and dark.
enum ReportStyle {
    static let sheet = """
        :root { color-scheme: light dark; --paper: #f3f5f8; --card: #ffffff; --ink: #18212b; --quiet: #515c6a;
          --line: #cfd6df; --grid: #e3e8ee; --link: #0b5cad; --good: #14663a; --bad: #b3261e; --unsure: #7d5200;
          --good-bg: #e3f4e9; --bad-bg: #fdeae8; --unsure-bg: #fdf1d8;
          --blue: #2b6cb0; --orange: #c2570c; --teal: #0f766e; --violet: #6d4bc1; --pink: #b0306e; --olive: #6b6a00; }
        @media (prefers-color-scheme: dark) { :root { --paper: #0c1116; --card: #151c24; --ink: #e7edf4;
          --quiet: #a3b0bf; --line: #334052; --grid: #263140; --link: #7cbcff; --good: #6fdc9c; --bad: #ff9a90;
          --unsure: #f3c558; --good-bg: #123022; --bad-bg: #3a1a18; --unsure-bg: #352a10;
          --blue: #6db3ff; --orange: #ff9f5a; --teal: #45cfbf; --violet: #b8a0ff; --pink: #ff8fbf; --olive: #d3d04a; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto,
          "Helvetica Neue", "DejaVu Sans", sans-serif; }
        header, main { max-width: 1240px; margin: 0 auto; padding: 0 20px; }
        header { padding-top: 28px; } main { padding-bottom: 60px; }
        h1 { font-size: 28px; margin: 0; letter-spacing: -.01em; } h1 span { color: var(--quiet); font-weight: 400; }
        h2 { font-size: 20px; margin: 40px 0 10px; } h3 { font-size: 17px; margin: 0; display: inline;
          overflow-wrap: anywhere; } h4 { font-size: 15px; margin: 0; }
        p { margin: 4px 0; } a { color: var(--link); } .quiet, figcaption p { color: var(--quiet); }
        :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
        .skip { position: absolute; left: -9999px; } .skip:focus { left: 12px; top: 8px; background: var(--card);
          padding: 6px 10px; z-index: 1; }
        .tiles { list-style: none; display: flex; flex-wrap: wrap; gap: 10px; padding: 0; margin: 16px 0 0; }
        .tiles li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 8px 16px;
          color: var(--quiet); } .tiles b { color: var(--ink); font-size: 22px; margin-right: 4px;
          font-variant-numeric: tabular-nums; }
        .tiles .good b { color: var(--good); } .tiles .bad b { color: var(--bad); }
        .tiles .unsure b { color: var(--unsure); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-size: 13.5px; background: var(--card); min-width: 100%; }
        caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        th, td { padding: 6px 12px; text-align: left; border-bottom: 1px solid var(--grid); vertical-align: top; }
        thead th { color: var(--quiet); font-weight: 600; border-bottom: 2px solid var(--line); white-space: nowrap; }
        tbody th { font-weight: 600; } tbody tr:hover { background: var(--paper); }
        .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        section > .scroll { border: 1px solid var(--line); border-radius: 8px; }
        [aria-labelledby="all"] tbody th { min-width: 190px; overflow-wrap: anywhere; }
        [aria-labelledby="all"] :is(th, td) { padding: 6px 8px; }
        [aria-labelledby="all"] td:not(:has(.badge)) { white-space: nowrap; }
        .databar { display: inline-block; min-width: 72px; padding: 0 4px; text-align: right; border-radius: 3px;
          background: linear-gradient(to right, color-mix(in srgb, var(--orange) 26%, transparent) var(--part),
          transparent var(--part)); }
        .badge { display: inline-block; border-radius: 99px; padding: 0 9px; font-size: 12.5px; font-weight: 600;
          white-space: nowrap; } .badge.good { color: var(--good); background: var(--good-bg); }
        .badge.bad { color: var(--bad); background: var(--bad-bg); }
        .badge.unsure { color: var(--unsure); background: var(--unsure-bg); }
        summary { cursor: pointer; }
        .run { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 12px 0; }
        .run > summary { padding: 12px 18px; } .run > summary .badge { margin-left: 6px; }
        .run > .body { padding: 2px 18px 18px; scroll-margin-top: 60px; }
        .facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 8px 24px;
          margin: 6px 0 14px; } dt { color: var(--quiet); font-size: 12.5px; } dd { margin: 0;
          overflow-wrap: anywhere; }
        .sentences { list-style: none; padding: 0; } .sentences li { margin: 4px 0; overflow-wrap: anywhere; }
        .verdict { border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; margin: 12px 0 18px; }
        .verdict li { overflow-wrap: anywhere; }
        .figures { columns: 400px; column-gap: 18px; } .figures figure { break-inside: avoid; margin-bottom: 18px; }
        figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
          padding: 12px 14px; min-width: 0; }
        figure.wide { max-width: 860px; } figcaption p { font-size: 13px; margin: 2px 0 6px; }
        figure .cipher-chart .paper { fill: none; }
        .drawing svg { display: block; width: 100%; height: auto; }
        .data { margin-top: 8px; font-size: 13px; } .data > summary, .body > details > summary { color: var(--link); }
        .data .scroll { max-height: 340px; overflow: auto; margin-top: 6px; }
        pre { background: var(--paper); border: 1px solid var(--grid); border-radius: 6px; padding: 10px;
          overflow-x: auto; font-size: 12.5px; white-space: pre-wrap; overflow-wrap: anywhere; }
        .words { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); gap: 10px 28px; }
        .chart text { fill: var(--ink); font-size: 12px; } .chart .small { font-size: 11px; fill: var(--quiet); }
        .chart .grid { stroke: var(--grid); fill: none; } .chart .axis { stroke: var(--quiet); fill: none; }
        .chart .area { fill: currentColor; fill-opacity: .28; stroke: currentColor; stroke-width: 1.2;
          stroke-linejoin: round; } .chart .bar, .chart .dot { fill: currentColor; }
        .chart .curve { stroke: currentColor; stroke-width: 2; fill: none; stroke-linejoin: round; }
        .chart .limit { color: var(--ink); stroke-dasharray: 6 4; }
        .chart .mark { stroke: var(--ink); stroke-width: 2.2; fill: none; } .chart .mark.thin { stroke-width: 1; }
        .chart .region { fill: none; stroke: #38a169; stroke-width: 2; } .chart .swatch { stroke: var(--line); }
        .blue { color: var(--blue); } .orange { color: var(--orange); } .teal { color: var(--teal); }
        .violet { color: var(--violet); } .pink { color: var(--pink); } .olive { color: var(--olive); }
        @media (max-width: 560px) { header, main { padding-left: 12px; padding-right: 12px; }
          .run > summary, .run > .body { padding-left: 12px; padding-right: 12px; } figure { padding: 10px 8px; }
          .chart text { font-size: 13.5px; } .chart .small { font-size: 12.5px; } }
        @media print { .run > .body { break-inside: avoid; } }
        """
}
