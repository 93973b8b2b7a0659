"""alerts: rules over metrics, and the alerts that follow."""
