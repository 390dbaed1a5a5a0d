/** The children that run apart from the transport's thread. */
export { ProcessChild } from './process-child.js'
export { ThreadChild } from './thread-child.js'
