using System.Net;

namespace NanoVlm.Evaluation;

/// <summary>A page that holds all it shows: no file beside it, nothing fetched; light or dark as the reader likes.</summary>
internal static class HtmlPage
{
    /// <summary>The page.</summary>
    /// <param name="title">Its title, as text.</param>
    /// <param name="body">What it shows, as HTML.</param>
    /// <param name="style">What it needs of style beside that of all pages.</param>
    internal static string Of(string title, string body, string style = "") => $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{WebUtility.HtmlEncode(title)} - NanoVlm</title>
        <style>
        {Style}
        {style}</style>
        </head>
        <body>
        {body}
        </body>
        </html>

        """;

    private const string Style = """
        :root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --page: #ffffff; --panel: #f6f7f9; --rule: #dfe3e8; --line: #2563eb; --good: #15803d; --bad: #c2410c; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6e9ef; --soft: #98a2b3; --page: #12161c; --panel: #1a2029; --rule: #2c3440; --line: #7aa2ff; --good: #5fd08a; --bad: #ff9466; }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 62rem; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        h1 { margin: 0; font-size: 1.7rem; overflow-wrap: anywhere; }
        h2 { margin: 2.25rem 0 .75rem; font-size: 1.1rem; }
        .lead { margin: .5rem 0 0; }
        .note { color: var(--soft); font-size: .85rem; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th { font-weight: 500; color: var(--soft); font-size: .85rem; }
        th, td { padding: .3rem .75rem .3rem 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
        th:first-child, td:first-child, .facts td { text-align: left; white-space: normal; }
        tfoot td { font-weight: 600; border-bottom: 0; }
        td.bar { position: relative; width: 40%; padding: 0; }
        td.bar::before { content: ""; position: absolute; inset: calc(50% - .3rem) 0; border-radius: .2rem; background: var(--panel); }
        th.key { padding-left: 1.5rem; text-align: left; }
        td.bar i { position: relative; display: block; height: .6rem; border-radius: .2rem; background: var(--line); }
        td.bar b { position: absolute; top: .3rem; bottom: .3rem; width: 2px; margin-left: -1px; background: var(--ink); }
        .facts td:first-child { color: var(--soft); width: 10rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; }
        svg { display: block; width: 100%; background: var(--panel); border-radius: .5rem; padding: .5rem; }
        svg text { fill: var(--soft); font-size: 13px; }
        svg .title { fill: var(--ink); font-weight: 600; font-size: 14px; }
        svg .y { text-anchor: end; }
        svg .x { text-anchor: middle; }
        svg .grid { stroke: var(--rule); }
        svg .mark { stroke: var(--soft); stroke-dasharray: 5 4; }
        svg .line { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
        svg .dot { fill: var(--line); }
        .answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
        figure { margin: 0; background: var(--panel); border-radius: .5rem; overflow: hidden; }
        figure img { display: block; width: 100%; max-height: 14rem; object-fit: contain; image-rendering: pixelated; }
        figcaption { padding: .6rem .8rem .8rem; }
        figcaption p { margin: 0 0 .25rem; }
        .right { color: var(--good); } .wrong { color: var(--bad); }
        .expected::before { content: "expected: "; color: var(--soft); }
        .tokens { padding: .6rem .8rem; font: 13px/1.9 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
        .tokens mark { background: color-mix(in srgb, var(--good) 22%, transparent); color: inherit; border-radius: .2rem; }
        .tokens s { color: var(--soft); text-decoration: none; }
        .tiles { display: flex; flex-wrap: wrap; gap: .3rem; padding: .6rem .8rem 0; } .tiles img { width: 7rem; height: auto; }
        .warnings { color: var(--bad); }
        figure + figure { margin-top: 1rem; }
        svg .column { fill: var(--line); }
        details { margin-top: 1rem; } summary { cursor: pointer; }
        pre { background: var(--panel); border-radius: .5rem; padding: 1rem; overflow: auto; font-size: .8rem; }
        """;
}
