import type {
  AnnotationContainer,
  AnnotationQuery,
  Dashboard,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
} from '@grafana/schema'
import type * as bars from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen'
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen'
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen'
import type * as text from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen'
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen'

/** A dashboard as JSON has it: Grafana's own types, with the panels that are used here and all of their options. */
export type TypedDashboard = Required<Pick<Dashboard, 'uid' | 'title' | 'description' | 'time'>> &
  Omit<Plain<Dashboard>, 'panels' | 'annotations'> & {
    panels: TypedPanel[]
    annotations: Omit<Plain<AnnotationContainer>, 'list'> & { list: TypedAnnotation[] }
  }

export type TypedPanel =
  | Plain<RowPanel>
  | Drawn<'table', table.Options, table.FieldConfig>
  | Drawn<'stat', stat.Options>
  | Drawn<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Drawn<'barchart', bars.Options, bars.FieldConfig>
  | Drawn<'traces', Record<string, never>>
  | (Omit<Plain<Panel>, 'type' | 'options' | 'targets'> & { type: 'text'; options: Plain<text.Options> })

/** Of the ClickHouse plugin, which brings no types: a query as SQL. */
export interface TypedTarget {
  refId: string
  datasource: { type: 'grafana-clickhouse-datasource'; uid: string }
  pluginVersion: `4.${number}.${number}`
  editorType: 'sql'
  /** Time series, table, logs, traces. */
  format: 0 | 1 | 2 | 3
  queryType: 'timeseries' | 'table' | 'logs' | 'trace'
  rawSql: string
}

type TypedAnnotation = Omit<Plain<AnnotationQuery>, 'target'> & { target: TypedTarget }

type Drawn<Type extends string, Options, Custom = Record<string, never>> = Omit<
  Plain<Panel>,
  'type' | 'options' | 'fieldConfig' | 'targets'
> & {
  id: number
  type: Type
  title: string
  description: string
  // What is left out, Grafana fills in.
  options: Partial<Plain<Options>>
  fieldConfig: Omit<Plain<FieldConfigSource>, 'defaults'> & {
    defaults: Omit<Plain<FieldConfig>, 'custom'> & { custom?: Partial<Plain<Custom>> }
  }
  targets: TypedTarget[]
}

/** An enum of strings takes none of its own words as JSON has them: here, it does. */
type Plain<T> = T extends string
  ? `${T}`
  : T extends readonly (infer One)[]
    ? Plain<One>[]
    : T extends object
      ? { [Key in keyof T]: Plain<T[Key]> }
      : T
