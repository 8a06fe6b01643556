import type { Settlement } from '../payment/rail.ts';

/** What the payer learns in headers when the cost is known before the head is sent: cost, and change where it may travel here. */
export function settlementHeaders(settlement: Settlement): Record<string, string> {
  const cost = settlement.charge.toString();
  const headers: Record<string, string> = {
    ...settlement.headers,
    'x-nutroute-cost-msat': cost,
    'x-routstr-cost-msats': cost,
  };
  if (settlement.change?.header === true) headers['x-cashu'] = settlement.change.token;
  return headers;
}
