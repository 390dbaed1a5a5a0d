import t from 'tap'
import { prefersOpenMetrics } from '#lib/monitor/accept'

const openMetrics = {
  'Prometheus 2.42': 'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
  'Prometheus 3': 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  'no version': 'application/openmetrics-text',
  'any case, quotes and spaces': 'Text/Plain ; q=0.5 , Application/OpenMetrics-Text; version="1.0.0" ; q=1',
  'named before text of the same quality': 'application/openmetrics-text,text/plain',
  'named beside anything': '*/*, application/openmetrics-text'
}

const text = {
  nothing: undefined,
  'an empty header': '',
  curl: '*/*',
  'a browser': 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
  'only an older OpenMetrics': 'application/openmetrics-text;version=0.0.1,*/*;q=0.1',
  'text of a higher quality': 'application/openmetrics-text;q=0.4,text/plain;q=0.5',
  'any text of a higher quality': 'application/openmetrics-text;q=0.4,text/*;q=0.5',
  'anything of a higher quality': 'application/openmetrics-text;q=0.4,*/*;q=0.5',
  'named after text of the same quality': 'text/plain,application/openmetrics-text',
  'refused OpenMetrics': 'application/openmetrics-text;q=0',
  'refused everything': 'application/openmetrics-text;q=0,*/*;q=0',
  'a quality that is none': 'application/openmetrics-text;q=high',
  garbage: ';;;,,q=1,=,"'
}

t.test('a scraper that prefers OpenMetrics 1.0.0 gets it', async t => {
  for (const [client, accept] of Object.entries(openMetrics)) t.equal(prefersOpenMetrics(accept), true, client)
})

t.test('everybody else gets text', async t => {
  for (const [client, accept] of Object.entries(text)) t.equal(prefersOpenMetrics(accept), false, client)
})
