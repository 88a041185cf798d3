"""A crawl from link to link within one site, by either parser."""

from urllib.parse import urljoin

import lxml.html
from bs4 import BeautifulSoup

import gcwise


@gcwise.batch("soup")
def links_of_soup(page):
    return [link["href"] for link in BeautifulSoup(page, "lxml").find_all("a", href=True)]


def links_of_lxml(page):
    return lxml.html.fromstring(page).xpath("//a/@href", smart_strings=False)


def crawl(fetch, start, links_of):
    site, seen, waiting = urljoin(start, "."), set(), {start}
    while waiting:
        url = waiting.pop()
        seen.add(url)
        links = (urljoin(url, link).partition("#")[0] for link in links_of(fetch(url)))
        waiting.update(link for link in links if link.startswith(site) and link not in seen)
    return seen
