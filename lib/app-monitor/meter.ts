/** Attributes of a measurement. */
export type Attributes = Record<string, string>

/** What is used of an `Observable` of @opentelemetry/api. */
export interface Observable {
  addCallback (callback: never): void
}

/** What is used of a `Histogram` of @opentelemetry/api. */
export interface Histogram {
  record (value: number, attributes?: Attributes): void
}

/** What is used of a `BatchObservableResult` of @opentelemetry/api. */
export interface BatchResult {
  observe (metric: Observable, value: number, attributes?: Attributes): void
}

/** How an instrument describes itself. */
export interface InstrumentOptions {
  description: string
  unit: string
}

/** Reports the values of observable instruments when they are collected. */
export type BatchCallback = (result: BatchResult) => Promise<void>

/** What is used of a `Meter` of @opentelemetry/api, 1.3 or newer. */
export interface Meter {
  createHistogram (name: string, options: InstrumentOptions & { advice: { explicitBucketBoundaries: number[] } }): Histogram
  createObservableCounter (name: string, options: InstrumentOptions): Observable
  createObservableUpDownCounter (name: string, options: InstrumentOptions): Observable
  createObservableGauge (name: string, options: InstrumentOptions): Observable
  addBatchObservableCallback (callback: BatchCallback, observables: Observable[]): void
  removeBatchObservableCallback (callback: BatchCallback, observables: Observable[]): void
}
