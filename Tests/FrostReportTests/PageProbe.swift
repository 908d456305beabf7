import Foundation

/// What a page is like to its readers: asked of the browser, which has laid it out.
struct PageProbe: Decodable {
    var title: String
    var runs: Int
    var rows: Int
    var charts: Int
    var figures: Int
    var scripts: Int
    /// Each a sentence; empty on a good page.
    var faults: [String]

    /// Runs in the page.
    ///
    /// - Source: for contrast, Web Content Accessibility Guidelines 2.2, "relative luminance", 1.4.3.
    static let script = """
        (() => {
          const faults = [], all = s => [...document.querySelectorAll(s)];
          const name = e => (e.textContent || e.tagName).trim().slice(0, 40);
          for (const e of all('[href],[src],[*|href]'))
            for (const a of e.attributes)
              if (/(^|:)(href|src|action|data)$/.test(a.name) && !/^(#|data:image\\/png;base64,)/.test(a.value))
                faults.push('external ' + a.value.slice(0, 60));
          if (/url\\(|@import/.test(all('style').map(e => e.textContent).join())) faults.push('a style refers elsewhere');
          const ids = all('[id]').map(e => e.id), seen = new Set();
          for (const i of ids) { if (seen.has(i)) faults.push('id twice ' + i); seen.add(i); }
          for (const a of all('a[href^="#"]'))
            if (!document.getElementById(a.getAttribute('href').slice(1))) faults.push('link to nowhere ' + name(a));
          for (const e of all('svg.chart')) {
            const words = (e.getAttribute('aria-labelledby') || '').split(' ').map(i => document.getElementById(i));
            if (e.getAttribute('role') != 'img' || words.length != 2 || words.some(w => !w || !w.textContent.trim()))
              faults.push('chart without words');
          }
          for (const e of all('figure')) {
            if (!e.querySelector('table tbody tr')) faults.push('figure without a table ' + name(e));
            if (!e.querySelector('figcaption h4')) faults.push('figure without a caption');
          }
          for (const e of all('table')) {
            if (!e.caption || !e.caption.textContent.trim()) faults.push('table without a caption');
            const heads = e.tHead ? e.tHead.rows[0].cells.length : 0;
            for (const r of e.tBodies[0].rows)
              if (r.cells.length != heads) faults.push('row of other length in ' + name(e));
            for (const r of e.tBodies[0].rows)
              if (r.cells[0].getAttribute('scope') != 'row') faults.push('row without a head in ' + name(e));
          }
          for (const e of all('.scroll, pre'))
            if (e.clientWidth && (e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight) && e.tabIndex != 0)
              faults.push('scrolls, but no key reaches it: ' + name(e));
          if (document.documentElement.scrollWidth > innerWidth) faults.push('wider than the window: ' +
            document.documentElement.scrollWidth + ' of ' + innerWidth + ' ' + all('main *').filter(e =>
              e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll')).slice(0, 3).map(e => e.outerHTML.slice(0, 80)));
          for (const s of all('svg')) {
            const box = s.getBoundingClientRect(), texts = [...s.querySelectorAll('text')].map(t => [t, t.getBoundingClientRect()])
              .filter(([t, r]) => r.width > 0);
            for (const [t, r] of texts)
              if (r.left < box.left - 1 || r.right > box.right + 1 || r.top < box.top - 1 || r.bottom > box.bottom + 1)
                faults.push('text leaves its chart: ' + name(t));
            texts.forEach(([t, r], i) => { for (const [u, q] of texts.slice(i + 1)) {
              const w = Math.min(r.right, q.right) - Math.max(r.left, q.left);
              const h = Math.min(r.bottom, q.bottom) - Math.max(r.top, q.top);
              if (w > 1 && h > 0.28 * Math.min(r.height, q.height)) faults.push('texts overlap: ' + name(t) + ' | ' + name(u));
            } });
          }
          const rgb = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 || m[3] > 0.95 ? m.slice(0, 3) : null; };
          const light = c => c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
          const below = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c) return c; }
            return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255]; };
          const dull = new Set();
          for (const e of all('body *')) {
            if (![...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim()) || !e.getClientRects().length) continue;
            if (/^(title|desc|style)$/i.test(e.tagName)) continue;
            const style = getComputedStyle(e), ink = rgb(e instanceof SVGElement ? style.fill : style.color);
            const [a, b] = [light(ink || [127, 127, 127]), light(below(e))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) dull.add(((a + 0.05) / (b + 0.05)).toFixed(2) + ' ' + e.tagName + '.' + (e.className.baseVal ?? e.className));
          }
          for (const d of dull) faults.push('low contrast ' + d);
          return { title: document.title, runs: all('.run').length, rows: all('#all ~ .scroll tbody tr').length,
            charts: all('svg.chart').length, figures: all('figure').length, scripts: all('script').length, faults };
        })()
        """
}

/// What a screenshot shows, roughly.
struct Picture: Decodable {
    var width: Int
    var height: Int
    var colours: Int
    /// 0 black, 1 white.
    var brightness: Double

    /// Has the browser itself read the PNG.
    init(_ png: Data, in browser: Browser) throws {
        self = try browser.evaluate(
            """
            new Promise((done, fail) => { const image = new Image(); image.onerror = fail; image.onload = () => {
              const c = document.createElement('canvas'); c.width = image.width; c.height = image.height;
              const g = c.getContext('2d'); g.drawImage(image, 0, 0);
              const d = g.getImageData(0, 0, c.width, c.height).data, seen = new Set(); let sum = 0;
              for (let i = 0; i < d.length; i += 4) { seen.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
                sum += d[i] + d[i + 1] + d[i + 2]; }
              done({ width: c.width, height: c.height, colours: seen.size, brightness: sum / (d.length / 4 * 3 * 255) });
            }; image.src = 'data:image/png;base64,\(png.base64EncodedString())'; })
            """)
    }
}
