"""The web page: one process, films in memory only, not for clinical use.

`server.create_app` joins the parts: what comes in (`guards`, `uploads`, `decoder` and
its process `decode`, `tags`), who waits (`desk`), what is asked (`work`, `system`,
`gate`), what goes out (`answers`).
"""
