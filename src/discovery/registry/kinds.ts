/** A node that sells inference (RIP-02). Strangers' projects publish on it too. */
export const ANNOUNCEMENT = 38421;
/** What an anchor thinks of a node: a label in `t`, the node's key in `node`. */
export const REVIEW = 38425;
/** What an anchor recommends (NIP-87, RIP-02); of nodes, where `k` names their kind. */
export const RECOMMENDATION = 38000;
/** An anchor's choice of models, and the nodes it warns of. */
export const CURATED = 38423;
/** An anchor's names for models that nodes call otherwise. */
export const ALIASES = 38426;
/** NIP-09. */
export const DELETION = 5;
