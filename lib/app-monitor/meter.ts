/** Attributes of a measurement. */
export type Attributes = Record<string, string>

/** The part of an `Observable` that this package uses, of @opentelemetry/api. */
export interface Observable {
  addCallback (callback: never): void
}

/** The part of a `Histogram` that this package uses, of @opentelemetry/api. */
export interface Histogram {
  record (value: number, attributes?: Attributes): void
}

/** The part of a `BatchObservableResult` that this package uses, of @opentelemetry/api. */
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

/** The part of a `Meter` that this package uses, of @opentelemetry/api, 1.3 or newer. */
export interface Meter {
  createHistogram (name: string, options: InstrumentOptions & { advice: { explicitBucketBoundaries: number[] } }): Histogram
  createObservableCounter (name: string, options: InstrumentOptions): Observable
  createObservableUpDownCounter (name: string, options: InstrumentOptions): Observable
  createObservableGauge (name: string, options: InstrumentOptions): Observable
  addBatchObservableCallback (callback: BatchCallback, observables: Observable[]): void
  removeBatchObservableCallback (callback: BatchCallback, observables: Observable[]): void
}
