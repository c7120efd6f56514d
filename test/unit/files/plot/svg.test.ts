import { expect, test } from 'vitest';
import { document, element, polyline, text } from '../../../../src/files/plot/svg.ts';

test('what a name brings cannot become markup', () => {
  expect(text('a<b> & "c"', { class: '"x' })).toBe('<text class="&quot;x">a&lt;b&gt; &amp; &quot;c&quot;</text>');
});

test('numbers have two decimals at most, so that the same plot is the same file', () => {
  expect(element('circle', { r: 1 / 3, cx: 2, cy: -0.001 })).toBe('<circle r="0.33" cx="2" cy="0"/>');
  expect(polyline([[0.1 + 0.2, 1]], { stroke: 'red' })).toBe('<polyline points="0.3,1" fill="none" stroke="red"/>');
});

test('a document has a title, its size and a white page', () => {
  const svg = document({ title: 'a & b', width: 10, height: 20 }, [element('g', {})]);
  expect(svg).toContain('viewBox="0 0 10 20"');
  expect(svg).toContain('<title>a &amp; b</title>');
  expect(svg).toContain('<rect width="10" height="20" fill="#ffffff"/>');
});
