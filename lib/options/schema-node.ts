/**
 * The part of JSON Schema that describes options. Keywords that begin with `x-` are this project's own; the published
 * schema leaves them out.
 */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly string[]
  readonly anyOf?: readonly SchemaNode[]
  /** Alternative sets of required keys. */
  readonly oneOf?: ReadonlyArray<Required<Pick<SchemaNode, 'required' | 'description' | 'x-type'>>>
  readonly properties?: Readonly<Record<string, SchemaNode>>
  /** Describes the values of all other keys; `false` forbids other keys. */
  readonly additionalProperties?: false | SchemaNode
  readonly required?: readonly string[]
  /** Keys that a key makes required. */
  readonly dependencies?: Readonly<Record<string, readonly string[]>>
  readonly items?: SchemaNode
  readonly minItems?: number
  readonly minProperties?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  /** Marks what may be secret: no value at or below this node is ever shown. */
  readonly writeOnly?: boolean
  /** The default in words, where it is not a constant. */
  readonly 'x-default'?: string
  /** `false`: no environment variable can set it. */
  readonly 'x-env'?: false
  /** A shorter duration, in ms, was probably meant in seconds. */
  readonly 'x-plausible-from'?: number
  /** A key with the value `undefined` is a fault. To leave it out would change what the other keys mean. */
  readonly 'x-no-undefined'?: true
  /** The name of its TypeScript type. */
  readonly 'x-type'?: string
  /** The name of the type whose fields it has too. */
  readonly 'x-extends'?: string
}

/** The alternatives of a node; the node itself if it has none. */
export function alternativesOf (node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? [node]
}

/** The fields of an object node, also where the object is only one of several alternatives. */
export function propertiesOf (node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  return alternativesOf(node).find(alternative => alternative.properties !== undefined)?.properties ?? {}
}
