import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { createDatedIndex, isIndexPattern } from '#lib/http/formats/dated-index'

const nsOf = (iso: string): string => `${Date.parse(iso)}000000`

t.test('{date} is the day of a time in UTC', async t => {
  const indexAt = createDatedIndex('logs-{date}')
  t.equal(indexAt(nsOf('2026-11-28T23:59:59.999Z')), 'logs-2026-11-28')
  t.equal(indexAt(nsOf('2026-11-29T00:00:00Z')), 'logs-2026-11-29')
  t.equal(indexAt(nsOf('2026-11-28T00:00:00Z')), 'logs-2026-11-28', 'also for a time before the last one')
  t.equal(indexAt('0'), 'logs-1970-01-01')
})

t.test('{date:…} has a form of its own, and there may be several', async t => {
  const at = nsOf('2026-03-04T05:06:07Z')
  t.equal(createDatedIndex('logs-{date:YYYY.MM.DD}')(at), 'logs-2026.03.04')
  t.equal(createDatedIndex('{date:YYYY}-logs-{date:MM}')(at), '2026-logs-03')
  t.equal(createDatedIndex('logs-{date:YYYY.MM.DD.HH}')(at), 'logs-2026.03.04.05')
  t.equal(createDatedIndex('logs')(at), 'logs')
  const hourly = createDatedIndex('{date:HH}')
  t.same(['05:59', '06:00', '06:59', '05:00'].map(time => hourly(nsOf(`2026-03-04T${time}:00Z`))), ['05', '06', '06', '05'])
})

t.test('whatever came before, the index is that of the time', async () => {
  const indexAt = createDatedIndex('{date:YYYY-MM-DDTHH}')
  fc.assert(fc.property(fc.integer({ min: 0, max: 9e12 }), ms => {
    assert.equal(indexAt(ms === 0 ? '0' : `${ms}000000`), new Date(ms).toISOString().slice(0, 13))
  }))
})

t.test('braces that stand for nothing are not allowed', async t => {
  for (const index of ['logs', 'logs-{date}', '{date:MM}-{date}']) t.ok(isIndexPattern(index), index)
  for (const index of ['logs-{dat}', 'logs-{date', 'logs-date}', 'logs-{date:}', 'logs-{date:x}', '%{DATE}', 'logs-{{date}}']) t.notOk(isIndexPattern(index), index)
})
