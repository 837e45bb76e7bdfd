#include "pipeline/report/page.h"

#include <spdlog/fmt/fmt.h>

#include <random>

namespace amalgam::pipeline {
namespace {

constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;
--bg:#fcfcfb;--panel:#f4f3f1;--ink:#16150f;--ink2:#55534c;--ink3:#6f6d65;--line:#dddbd5;
--blue:#2a6fd6;--teal:#128a63;--amber:#c98200;--violet:#5b49b8;--red:#d03f3e;--sky:#0e91b5;--pink:#c2479b;--olive:#6f7f1f;--brown:#8a5a33;--grey:#8d8b83;
--heat:224,96,32;--tool:#e9eef6;--tool-ink:#3d4f6b}
@media(prefers-color-scheme:dark){:root{
--bg:#161614;--panel:#20201d;--ink:#f0eee8;--ink2:#b9b6ac;--ink3:#98958b;--line:#383732;
--blue:#5b9cf0;--teal:#2fb98a;--amber:#e0a52a;--violet:#a195f0;--red:#ee7472;--sky:#4cc3e6;--pink:#ee83c9;--olive:#b3c254;--brown:#cf9a6b;--grey:#8d8b83;
--heat:240,120,60;--tool:#1d2633;--tool-ink:#b4c6e2}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1080px;margin:0 auto;padding:24px 20px 96px}
nav{position:sticky;top:0;z-index:2;background:var(--bg);border-bottom:1px solid var(--line);
overflow-x:auto;white-space:nowrap}
nav div{max-width:1080px;margin:0 auto;padding:8px 20px;display:flex;gap:18px;font-size:13px}
nav a{color:var(--ink2);text-decoration:none}nav a:hover{color:var(--ink);text-decoration:underline}
nav b{font-weight:650}
header h1{font-size:28px;line-height:1.2;letter-spacing:-.01em;margin:8px 0 2px;font-weight:650;
overflow-wrap:anywhere}
header p{margin:0 0 20px;color:var(--ink2)}
section{margin-top:44px;scroll-margin-top:44px}
h2{font-size:19px;font-weight:650;margin:0 0 12px;padding-bottom:6px;border-bottom:1px solid var(--line)}
h3{font-size:15px;font-weight:650;margin:24px 0 8px}h3 small{font-weight:400;color:var(--ink3)}
small{font-size:.86em;color:var(--ink3)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));border:1px solid var(--line);
border-radius:6px;overflow:hidden;gap:1px;background:var(--line)}
.tile{background:var(--bg);padding:12px 14px}.tile b{display:block;font-size:21px;font-weight:600;
line-height:1.25}.tile span{font-size:12.5px;color:var(--ink2)}
.statement{margin:20px 0 0;padding:12px 16px;background:var(--panel);border-left:3px solid var(--amber);
max-width:78ch}
.note,.none,.meta,.legend{color:var(--ink2);font-size:13px}.note{max-width:84ch}
.scroll{overflow-x:auto}
table{border-collapse:collapse;min-width:100%;font-size:14px}
th,td{padding:5px 12px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child{text-align:left;padding-left:0;position:sticky;left:0;background:var(--bg)}td:last-child,th:last-child{padding-right:0}
thead th{font-weight:500;color:var(--ink2);font-size:12.5px;vertical-align:bottom}
tbody th{font-weight:500}
tr.group th{padding-top:16px;font-weight:400;color:var(--ink2);font-size:12.5px;text-align:left}
tr.mean th,tr.mean td,tr.best td,tr.best th{font-weight:650}tr.mean small{font-weight:400}
.state-failed{color:var(--red);font-weight:600}.state-running{color:var(--blue)}
td.wide,th.wide{width:45%;min-width:220px;text-align:left}
.bar{display:flex;height:14px}.bar span{min-width:1px;border-right:1px solid var(--bg)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 12px}
.legend>span>i{display:inline-block;width:9px;height:9px;border-radius:5px;margin-right:6px}
.bar span,.legend i{background:var(--grey)}
.c0{background:var(--blue)!important}.c1{background:var(--amber)!important}
.c2{background:var(--teal)!important}.c3{background:var(--violet)!important}
.c4{background:var(--red)!important}.rest{background:var(--grey)!important}
.m0{--c:var(--grey)}.m1{--c:var(--violet)}.m2{--c:var(--blue)}.m3{--c:var(--amber)}.m4{--c:var(--teal)}
.m5{--c:var(--red)}.m6{--c:var(--sky)}.m7{--c:var(--pink)}.m8{--c:var(--olive)}.m9{--c:var(--brown)}
.legend i[class^=m]{background:var(--c)}
.legend i.alt,.dot.alt{background:var(--bg);box-shadow:inset 0 0 0 2px var(--c)}.xy-mark.alt{fill:var(--bg);stroke:var(--c);stroke-width:2}
.dotplot{margin:8px 0 24px}
.dots{display:grid;grid-template-columns:112px 1fr;align-items:center;border-bottom:1px solid var(--line)}
.dots .name{font-weight:500;font-size:14px;overflow-wrap:anywhere}
.track{position:relative;height:48px;margin-right:10px;background:linear-gradient(90deg,var(--line) 1px,
transparent 1px) 0 0/25% 100%;border-right:1px solid var(--line)}
.dot,.whisker{position:absolute;display:block;background:var(--c)}
.dot{width:9px;height:9px;border-radius:5px;margin:-4px 0 0 -4.5px;box-shadow:0 0 0 1.5px var(--bg)}
.whisker{height:2px;margin-top:-.5px;opacity:.55}
.scale{margin:4px 10px 0 112px;position:relative;height:18px;font-size:12px;color:var(--ink2)}
.scale span{position:absolute;transform:translateX(-50%);white-space:nowrap}
.scale span:nth-child(2){left:25%}.scale span:nth-child(3){left:50%}.scale span:nth-child(4){left:75%}
.scale span:nth-child(5){left:100%;transform:translateX(-75%)}
.scale.free span{transform:translateX(-50%)!important}
.track.plain{background:none;border-right:0}.rule{position:absolute;top:0;bottom:0;width:1px;background:var(--line)}
.rule.zero{width:2px;margin-left:-.5px;background:var(--ink3)}.wide-chart{max-width:760px}
.efforts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,440px),1fr));gap:12px 24px;margin-bottom:12px}
.xy-line{fill:none;stroke:var(--c);stroke-width:1.6;opacity:.75}.error{stroke:var(--c);stroke-width:1.2;opacity:.6}
.xy-mark{fill:var(--c);stroke:var(--bg);stroke-width:1.2}.xy-label{font-size:11px;fill:var(--ink2)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(240px,1fr));gap:12px 20px}
.chart{margin:0}.chart svg{display:block;width:100%;height:auto;overflow:visible;touch-action:pan-y}
.chart figcaption{font-size:12.5px;color:var(--ink2);overflow-wrap:anywhere}
.chart figcaption b{color:var(--ink);font-weight:600;margin-left:4px}
.grid{stroke:var(--line);stroke-width:1;fill:none}.tick{font-size:10px;fill:var(--ink3)}
.line{fill:none;stroke:var(--blue);stroke-width:1.6;stroke-linejoin:round}.mark{fill:var(--blue)}
summary{cursor:pointer;padding:6px 0;color:var(--ink2)}summary:hover{color:var(--ink)}
pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
background:var(--panel);padding:14px 16px;border-radius:6px;overflow-x:auto;margin:4px 0}
.sample{border-bottom:1px solid var(--line)}.sample summary{color:var(--ink);font-size:14px}
.sample .where{font-weight:500}.sample .meta{margin:0 0 8px;overflow-wrap:anywhere}
.tag{font-size:12px;padding:1px 7px;border-radius:9px;border:1px solid currentColor;color:var(--teal)}
.tag.not-ok{color:var(--red)}
.talk{font:13px/1.75 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
margin:0 0 14px;border-left:1px solid var(--line)}
.turn{display:grid;grid-template-columns:68px minmax(0,1fr)}
.turn>div{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext;padding:2px 8px}
.who{font:12px/1.9 system-ui,sans-serif;color:var(--ink3);text-align:right;padding:2px 8px 0 0}
.prompt>div{color:var(--ink3)}.tool>div{color:var(--tool-ink);background:var(--tool)}
.gap{margin:6px 0 6px 76px;color:var(--ink3);font:italic 13px system-ui,sans-serif}
.turn i,.chips i{font-style:normal;border-radius:3px;padding:1px 0;box-shadow:inset -1px 0 0 var(--bg)}
.chips{white-space:nowrap}.chips i{padding:1px 7px;background:none;border:1px solid var(--line);margin-right:3px;color:var(--ink)}
.turn i:hover{outline:1.5px solid var(--blue)}
.t0{background:none}.t1{background:rgba(var(--heat),.13)!important}
.t2{background:rgba(var(--heat),.26)!important}.t3{background:rgba(var(--heat),.4)!important}
.t4{background:rgba(var(--heat),.54)!important}.t5{background:rgba(var(--heat),.7)!important}
#tip{position:fixed;z-index:9;pointer-events:none;background:var(--ink);color:var(--bg);font-size:12px;
line-height:1.4;padding:3px 8px;border-radius:4px;white-space:pre;max-width:90vw}
@media(max-width:560px){body{font-size:14px}main{padding:16px 14px 72px}.tile b{font-size:18px}
.tiles{grid-template-columns:1fr 1fr}.tile:last-child:nth-child(odd){grid-column:1/-1}
.legend small{display:none}.dots{grid-template-columns:66px 1fr}.scale{margin-left:66px}
.turn{grid-template-columns:minmax(0,1fr)}.who{text-align:left;padding:2px 8px 0}.gap{margin-left:8px}
th,td{padding:5px 8px}}
@media print{nav{display:none}}
)css";

constexpr const char* kScript = R"js(
(() => {
  const tip = document.getElementById('tip');
  const hide = () => { tip.hidden = true; };
  const show = (text, x, y) => {
    tip.textContent = text;
    tip.hidden = false;
    const w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(4, Math.min(innerWidth - w - 4, x - w / 2)) + 'px';
    tip.style.top = (y - h - 12 < 4 ? y + 18 : y - h - 12) + 'px';
  };
  const chart = (svg, event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    let best = null;
    for (const item of svg.dataset.points.split(';')) {
      const p = item.split(',');
      if (p.length === 4 && (!best || Math.abs(p[0] - x) < Math.abs(best[0] - x))) best = p;
    }
    if (!best) return;
    const mark = svg.querySelector('.mark');
    mark.setAttribute('cx', best[0]);
    mark.setAttribute('cy', best[1]);
    show('step ' + best[2] + '   ' + best[3], event.clientX, event.clientY);
  };
  const point = (event) => {
    const at = event.target.closest ? event.target : null;
    if (!at) return hide();
    const token = at.closest('[data-p]');
    if (token) {
      const logprob = Number(token.dataset.p);
      return show('logprob ' + token.dataset.p + '   p ' + Math.exp(logprob).toPrecision(3) +
                  '   id ' + token.dataset.id, event.clientX, event.clientY);
    }
    const svg = at.closest('svg[data-points]');
    if (svg) return chart(svg, event);
    const part = at.closest('[data-tip]');
    if (part) return show(part.dataset.tip, event.clientX, event.clientY);
    hide();
  };
  document.addEventListener('pointermove', point);
  document.addEventListener('pointerdown', point);
  document.addEventListener('scroll', hide, {passive: true});
  document.addEventListener('pointerleave', hide);
})();
)js";

// Unknown to whatever wrote the text in the page, since that was written before.
std::string make_nonce() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
}

}  // namespace

std::string page(const std::string& escaped_title, const std::string& body,
                 const PageLinks& links) {
  std::string navigation;
  for (const auto& [id, name] : links)
    navigation += fmt::format("<a href=\"#{}\">{}</a>", id, name);
  const std::string nonce = make_nonce();
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'nonce-{0}'; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<title>{1} · Amalgam</title>\n<style>{2}</style></head>\n<body>\n"
      "<nav><div><b>Amalgam</b>{5}</div></nav>\n<main>\n{3}</main>\n<div id=\"tip\" hidden></div>\n"
      "<script nonce=\"{0}\">{4}</script>\n</body></html>\n",
      nonce, escaped_title, kStyle, body, kScript, navigation);
}

}  // namespace amalgam::pipeline
