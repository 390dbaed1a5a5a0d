import { init } from 'echarts'
import { MEASURES, nameOf } from './format.js'
import { summarize } from './statistics.js'

const WIDTH = 720
const BAR_HEIGHT = 46
const LINE_HEIGHT = 320
const FRAME = 90
const COLORS = ['#1f6f8b', '#8a8f98']

/** The chart of a scenario as SVG; `undefined` if it has none. */
export function chartOf ({ title, sides, chart }) {
  if (chart === undefined) return undefined
  const { unit } = MEASURES[chart.measure]
  const axis = `${nameOf(chart.measure).replaceAll('`', '')}${unit === '' ? '' : ` [${unit}]`}`
  const points = Object.values(sides).map(({ label, x, runs }) => ({ label, x, ...summarize(runs.map(run => run[chart.measure])) }))
  return chart.kind === 'bars' ? bars(title, axis, points) : curve(title, axis, chart, points)
}

/** A curve over time, of one or more series of `[x, y]`. */
export function timeline (title, xName, series) {
  return render(LINE_HEIGHT, {
    title: heading(title),
    legend: { top: 28 },
    grid: { left: 70, right: 30, top: 70, bottom: 50 },
    xAxis: { type: 'value', name: xName, nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'value', min: 0 },
    series: series.map(({ name, points }) => ({ type: 'line', name, data: points, showSymbol: false }))
  })
}

function bars (title, axis, points) {
  return render(FRAME + points.length * BAR_HEIGHT, {
    title: heading(title),
    grid: { left: 230, right: 80, top: 40, bottom: 50 },
    xAxis: { type: 'value', name: axis, nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'category', inverse: true, data: points.map(({ label }) => label), axisLabel: { width: 215, overflow: 'break' } },
    series: [{
      type: 'bar',
      barWidth: '55%',
      label: { show: true, position: 'right', formatter: ({ value }) => Math.round(value).toLocaleString('en') },
      data: points.map(({ label, median }) => ({ value: median, itemStyle: { color: /fanout|pipe\.cjs|hangs/.test(label) ? COLORS[0] : COLORS[1] } }))
    }]
  })
}

function curve (title, axis, { x, isLogarithmic = false }, points) {
  return render(LINE_HEIGHT, {
    title: heading(title),
    grid: { left: 80, right: 40, top: 50, bottom: 50 },
    xAxis: { type: isLogarithmic ? 'log' : 'value', name: x, nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'value', min: 0, name: axis, nameLocation: 'middle', nameGap: 60 },
    series: [{ type: 'line', color: COLORS[0], symbolSize: 7, data: points.map(point => [point.x, point.median]) }]
  })
}

function heading (text) {
  return { text, left: 'center', textStyle: { fontSize: 14 } }
}

function render (height, option) {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg + '\n'
}
