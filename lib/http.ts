export { default } from './http/http-sink.js'
export type { HttpSinkOptions, Secret } from './http/options.js'
