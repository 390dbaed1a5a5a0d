import neostandard, { plugins } from 'neostandard'

export default [
  ...neostandard({ ts: true, ignores: ['dist/**', 'build/**', '.tap/**', '.nodes/**', '.bundlers/**', '.runtimes/**', '.runners/**', 'node_modules/**'] }),
  {
    files: ['**/*.{ts,mts,cts}'],
    plugins: { '@typescript-eslint': plugins['typescript-eslint'].plugin },
    rules: { '@typescript-eslint/no-explicit-any': 'error' }
  }
]
