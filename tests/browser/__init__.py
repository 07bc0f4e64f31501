"""What people do with their browser, done by Chromium.

A package, unlike the other folders of tests: what it starts ends with its last test.
"""
