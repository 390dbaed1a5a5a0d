/** The part of JSON Schema that the options' schema uses; the walkers over it know no more. */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly SchemaNode[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[] | undefined
  readonly items?: SchemaNode
  readonly minItems?: number
  readonly minLength?: number
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  /** Holds what may be secret: no value below it is ever shown. */
  readonly writeOnly?: boolean
  readonly 'x-default'?: string
  readonly 'x-env'?: false
  readonly 'x-plausible-from'?: number
}

/** The alternatives of a node, itself being the only one where there is no choice. */
export function alternativesOf (node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? [node]
}

/** The options that an object node knows, also where the object is only one of several alternatives. */
export function propertiesOf (node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  return alternativesOf(node).find(alternative => alternative.properties !== undefined)?.properties ?? {}
}
