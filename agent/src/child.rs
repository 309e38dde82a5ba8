//! Programs started by the agent: none outlives it.
