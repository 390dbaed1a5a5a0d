// Messages from the server to the page.
export type { CircuitState, TransitionEvent } from '../../../breaker.js'
export { lostLinesOf, waitingLinesOf } from '../../../metrics.js'
export type { SinkSnapshot } from '../../../metrics.js'
export type { Notice } from '../../../reports/notice.js'
export type { MonitorHistory, SinkHistory } from '../../history.js'
export type { MonitorSnapshot } from '../../monitor-snapshot.js'
