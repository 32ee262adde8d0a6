"""The offline half: what recorded fine-tuning results say about models.

`matrix` (who scored what), `similarity` (Eq. 1), `clusters` and `silhouette` (Sec. III.A),
`trends` (Sec. IV.C). Pure numbers over records: nothing here reads a database, a file or the Hub.
"""
